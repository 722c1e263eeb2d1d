// A real engine in virtual time over instances that answer by script: each call takes the next one, or the last again.
// Keeps what was asked, when, and how it ended.
import type { ChatPart, PcmChunk, TranscriptPart, VadStream } from '../../src/engines/contract.ts';
import { Engine } from '../../src/engines/engine.ts';
import { orAborted } from '../../src/engines/http/or-aborted.ts';
import type {
  ChatCall,
  EngineInstance,
  InstanceEvents,
  SpawnRequest,
  SpeakCall,
  TranscribeCall,
} from '../../src/engines/instance.ts';
import { limitsDefault } from '../../src/engines/state.ts';
import { delay } from '../../src/lifecycle/clock.ts';
import { GreenroomError } from '../../src/lifecycle/errors.ts';
import type { Scope } from '../../src/lifecycle/scope.ts';

/**
 * Ms to wait, an error to throw, its death, to be silent until it is told to stop, from now on not to look whether it is,
 * to hear so much, or all there is to hear, or a part to give.
 */
export type Step =
  | number
  | Error
  | 'dies'
  | 'hangs'
  | 'ignores'
  | 'listens'
  | { readonly listensMs: number }
  | ChatPart
  | TranscriptPart
  | PcmChunk;

export interface Asked {
  readonly what: 'chat' | 'transcribe' | 'speak';
  readonly call: ChatCall | TranscribeCall | SpeakCall;
  readonly atMs: number;
  /** Of audio. */
  heardMs: number;
  end: 'running' | 'done' | 'failed' | 'aborted' | 'left';
}

const offers = ['chat', 'transcribe', 'speak', 'vad'] as const;
const frameSamples = 768;
const limits = { ...limitsDefault, stallMs: 120_000, totalMs: 600_000, stopGraceMs: 500 };

export class ScriptedEngine {
  readonly asked: Asked[] = [];
  readonly engine: Engine;
  scripts: (readonly Step[])[];
  /** Calls at a time that it says it has; it takes all. */
  lanes: number | null = null;
  /** Of voice activity, for each push. */
  vadMs = 0;
  readonly #scope: Scope;
  #events: InstanceEvents | undefined;

  /** `scope` is the root of the world; it owns the engine. */
  constructor(name: string, scope: Scope, ...scripts: (readonly Step[])[]) {
    this.#scope = scope;
    this.scripts = scripts;
    this.engine = new Engine({
      ...{ name, kind: 'worker', clock: scope.clock, limits, offers },
      scope: scope.child(name, { kind: 'engine' }),
      spawner: () => (request) => this.#spawn(request),
      random: () => 0.5,
      onChange: () => undefined,
      onListenerFault: (error) => {
        throw error;
      },
    });
    this.engine.start();
  }

  /** What is asked of it and has not ended. */
  get running(): number {
    return this.asked.filter(({ end }) => end === 'running').length;
  }

  die(): void {
    this.#events?.exited({ code: 'engine_exited', message: 'it died', logTail: [], kind: 'passing' });
  }

  /** For good. */
  fail(): void {
    this.#events?.exited({
      code: 'engine_exited',
      message: 'it died for good',
      logTail: [],
      kind: 'lasting',
    });
  }

  #spawn({ events }: SpawnRequest): EngineInstance {
    this.#events = events;
    queueMicrotask(() => events.climbed('ready'));
    const running = () => this.running;
    const lanes = () => this.lanes;
    return {
      ...{ pid: 1, port: null, offers, endpoint: null, logTail: [] },
      get activeCalls() {
        return running();
      },
      get lanes() {
        return lanes();
      },
      terminate: () => queueMicrotask(() => this.die()),
      kill: () => queueMicrotask(() => this.die()),
      chat: (call, signal) => this.#run<ChatPart>('chat', call, signal),
      transcribe: (call, signal) => this.#run<TranscriptPart>('transcribe', call, signal),
      speak: (call, signal) => this.#run<PcmChunk>('speak', call, signal),
      embed: () => Promise.reject(new Error('not asked for')),
      openVad: () => loudness(() => (this.vadMs > 0 ? delay(this.#scope.clock, this.vadMs) : undefined)),
    };
  }

  async *#run<Part extends Step>(
    what: Asked['what'],
    call: Asked['call'],
    signal: AbortSignal,
  ): AsyncGenerator<Part> {
    const { clock } = this.#scope;
    const asked: Asked = { what, call, atMs: clock.now(), heardMs: 0, end: 'running' };
    const ears = 'pcm' in call ? call.pcm[Symbol.asyncIterator]() : undefined;
    this.asked.push(asked);
    const script = (this.scripts.length > 1 ? this.scripts.shift() : this.scripts[0]) ?? [];
    let end: Asked['end'] = 'left';
    try {
      let heeds: AbortSignal | undefined = signal;
      for (const step of script) {
        if (heeds?.aborted) return;
        if (step === 'ignores') {
          heeds = undefined;
          continue;
        }
        if (step instanceof Error) throw step;
        if (step === 'dies') {
          this.die();
          throw new GreenroomError('engine_exited', 'it died');
        }
        if (step === 'listens') await hears(asked, ears, Number.POSITIVE_INFINITY, signal);
        else if (typeof step === 'object' && 'listensMs' in step)
          await hears(asked, ears, step.listensMs, signal);
        else if (step === 'hangs') await delay(clock, 1e9, heeds);
        else if (typeof step === 'number') await delay(clock, step, heeds);
        else yield step as Part;
      }
      end = 'done';
    } catch (error) {
      end = 'failed';
      throw error;
    } finally {
      asked.end = signal.aborted ? 'aborted' : end;
    }
  }
}

/** Takes so much of it, or what there is. */
async function hears(
  asked: Asked,
  ears: AsyncIterator<Int16Array> | undefined,
  ms: number,
  signal: AbortSignal,
): Promise<void> {
  while (ears && asked.heardMs < ms && !signal.aborted) {
    const step = await orAborted(ears.next(), signal);
    if (!step || step.done) return;
    asked.heardMs += step.value.length / 24;
  }
}

/** A frame is speech when its first sample is not nought. */
function loudness(pause: () => Promise<unknown> | undefined): VadStream {
  let rest = new Int16Array(0);
  return {
    push: async (pcm) => {
      await pause();
      const all = new Int16Array(rest.length + pcm.length);
      all.set(rest);
      all.set(pcm, rest.length);
      const frames = Math.floor(all.length / frameSamples);
      rest = all.slice(frames * frameSamples);
      return Array.from({ length: frames }, (_, frame) => ({
        speech: all[frame * frameSamples] === 0 ? 0 : 1,
      }));
    },
    close: () => undefined,
  };
}

export const heard = (text: string): TranscriptPart => ({ text, final: true });
export const word = (text: string): ChatPart => ({ text });
export const stop: ChatPart = { finish: 'stop', usage: { prompt_tokens: 7, completion_tokens: 3 } };
/** So much speech, of one value. */
export const sound = (ms: number, value = 1000): PcmChunk => ({
  pcm: new Int16Array((ms * 24_000) / 1000).fill(value),
  rate: 24_000,
});
