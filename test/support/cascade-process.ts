// A gateway process with a cascade of engines whose every word a test can follow, and a speaker for callers.
import { bytesToBase64, pcmToBytes } from '../../src/audio/pcm.ts';
import { resample } from '../../src/audio/resample.ts';
import { parseWav } from '../../src/audio/wav.ts';
import { fixture, type GatewayAsked, GatewayProcess, type GatewayProcessOptions } from './gateway-process.ts';

const worker = fixture('engines/scripted.mjs');

/** `ears` hears `heard` wherever somebody speaks; the mind is scripted; flite speaks. */
export function startCascade(
  heard: string,
  { config = {}, ...options }: GatewayProcessOptions = {},
): Promise<GatewayProcess> {
  return GatewayProcess.start({
    ...options,
    config: {
      engines: {
        ears: { worker: fixture('engines/ears.mjs'), isolate: 'thread', options: { text: heard } },
        mind: { worker },
        voice: { builtin: 'flite' },
        activity: { builtin: 'silero' },
      },
      pipelines: {
        default: { kind: 'cascade', hear: 'ears', think: 'mind', speak: 'voice', instructions: 'Ada:' },
      },
      ...config,
    },
  });
}

/** Speech is the text itself, one letter a sample: for push to talk, since no voice activity is in it. */
export function startLettered(config: object = {}): Promise<GatewayProcess> {
  return GatewayProcess.start({
    config: {
      engines: { all: { worker, isolate: 'thread' }, activity: { builtin: 'silero' } },
      pipelines: { default: { kind: 'cascade', hear: 'all', think: 'all', speak: 'all', vad: 'activity' } },
      ...config,
    },
  });
}

/** PCM16 at 24 kHz in base64, as `startLettered` hears and speaks. */
export function lettersToAudio(text: string): string {
  const pcm = new Int16Array(2400);
  for (const [at, letter] of [...text].entries()) pcm[at] = letter.codePointAt(0) ?? 0;
  return bytesToBase64(pcmToBytes(pcm));
}

export function audioToLetters(base64: string): string {
  const bytes = Buffer.from(base64, 'base64');
  let text = '';
  for (let at = 0; at + 1 < bytes.length; at += 2) {
    const letter = bytes.readInt16LE(at);
    if (letter > 0) text += String.fromCodePoint(letter);
  }
  return text;
}

/** A line as flite says it, between silences that end a turn: PCM16 at 24 kHz. */
export async function speech(gateway: GatewayAsked, text: string): Promise<Int16Array<ArrayBuffer>> {
  const response = await fetch(`${await gateway.url()}/v1/audio/speech`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'voice', input: text, response_format: 'wav' }),
  });
  const { pcm, rateHz } = parseWav(new Uint8Array(await response.arrayBuffer()));
  const said = resample(pcm, rateHz, 24_000);
  const turn = new Int16Array(said.length + 28_800);
  turn.set(said, 4800);
  return turn;
}
