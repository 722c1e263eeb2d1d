// A conversation from three engines: one hears, one thinks, one speaks. Text alone on a side that has none.
import type { VadStream } from '../engines/contract.ts';
import type { Engine } from '../engines/engine.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { OutputChunk } from '../realtime/state.ts';
import type { TaskPlan } from '../tasks/plan.ts';
import type { Log } from '../telemetry/log.ts';
import { type Abilities, sessionRateHz, type Transcription } from '../wire/session-config.ts';
import { CascadeAnswer } from './cascade-answer.ts';
import { NeededEngines } from './needed-engines.ts';
import type { AnswerRequest, HearRequest, Pipeline, PipelineReadiness, PipelineSession } from './pipeline.ts';
import { StageTimes } from './stage-times.ts';

export interface CascadeOptions {
  readonly name: string;
  /** What hears, and what tells when somebody speaks; undefined: callers type. */
  readonly ears: { readonly hear: Engine; readonly vad: Engine } | undefined;
  readonly think: Engine;
  /** Undefined: callers read. */
  readonly speak: Engine | undefined;
  /** Every engine that has to be ready, those above among them. */
  readonly needs: readonly Engine[];
  readonly voice: string | undefined;
  readonly instructions: string | undefined;
  /** ISO 639-1, of what callers speak; undefined where the engine has to find out. */
  readonly language: string | undefined;
  /** Background work that its sessions can have done. Default: none. */
  readonly tasks?: readonly TaskPlan[];
  readonly log: Log;
}

export class CascadePipeline implements Pipeline {
  readonly kind = 'cascade';
  readonly name: string;
  readonly voice: string;
  readonly instructions: string;
  readonly abilities: Abilities;
  readonly transcription: Transcription | null;
  readonly tasks: readonly TaskPlan[];
  readonly #options: CascadeOptions;
  readonly #engines: NeededEngines;

  constructor(options: CascadeOptions) {
    const { name, ears, speak, voice = 'default', instructions = '', language, tasks = [] } = options;
    this.#options = options;
    this.#engines = new NeededEngines(options.needs);
    this.name = name;
    this.voice = voice;
    this.instructions = instructions;
    this.tasks = tasks;
    this.abilities = { hears: ears ? 'words' : 'nothing', answers: speak ? 'speech' : 'text' };
    this.transcription = ears ? { model: ears.hear.name, ...(language && { language }) } : null;
  }

  get needs(): readonly string[] {
    return this.#engines.names;
  }

  open(scope: Scope): PipelineSession {
    return new CascadeSession(this.#options, scope, this.#engines.hold());
  }

  need(): void {
    this.#engines.need();
  }

  readiness(): PipelineReadiness {
    return this.#engines.readiness();
  }

  onChange(listener: () => void): () => void {
    return this.#engines.onChange(listener);
  }
}

class CascadeSession implements PipelineSession {
  readonly #options: CascadeOptions;
  /** Of the session. */
  readonly #scope: Scope;
  readonly #letGo: () => void;

  constructor(options: CascadeOptions, scope: Scope, letGo: () => void) {
    this.#options = options;
    this.#scope = scope;
    this.#letGo = letGo;
  }

  openVad(rateHz: number): VadStream {
    return this.#ears().vad.openVad(rateHz);
  }

  async *hear({ itemId, pcm, language }: HearRequest, signal: AbortSignal): AsyncGenerator<string> {
    const { hear } = this.#ears();
    const { clock, name: session } = this.#scope;
    const began = clock.now();
    if (pcm.length === 0)
      throw new GreenroomError('invalid_request', `the audio of item ${itemId} is no longer held`);
    const call = { pcm: onePiece(pcm), rate: sessionRateHz, language };
    let parts = 0;
    for await (const { text } of hear.transcribe(call, signal)) {
      parts += 1;
      yield text.trim();
    }
    if (signal.aborted) return;
    if (parts === 0) {
      const message = `engine ${hear.name}: transcription: it answered with nothing at all`;
      throw new GreenroomError('engine_no_output', message);
    }
    const facts = { session, item: itemId, audioMs: (pcm.length * 1000) / sessionRateHz };
    this.#options.log.debug({ ...facts, hearMs: Math.round(clock.now() - began) }, 'a caller was heard');
  }

  async *respond({ snapshot }: AnswerRequest, signal: AbortSignal): AsyncGenerator<OutputChunk> {
    const { responseId } = snapshot;
    const scope = this.#scope.child(`stages of ${responseId}`);
    const times = new StageTimes(scope.clock);
    const stop = () => void scope.close('done');
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    try {
      if (!signal.aborted) yield* new CascadeAnswer(this.#options, snapshot, scope, times).chunks();
    } finally {
      signal.removeEventListener('abort', stop);
      stop();
      times.reached('end');
      const facts = { session: this.#scope.name, response: responseId, ...times.facts() };
      this.#options.log.debug(facts, signal.aborted ? 'an answer was stopped' : 'an answer has ended');
    }
  }

  close(): void {
    this.#letGo();
  }

  #ears() {
    const { ears, name } = this.#options;
    if (ears) return ears;
    throw new GreenroomError('engine_call_unsupported', `pipeline ${name} has nothing that hears`);
  }
}

async function* onePiece(pcm: Int16Array): AsyncGenerator<Int16Array> {
  yield pcm;
}
