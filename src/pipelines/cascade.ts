// A conversation from three engines: one hears, one thinks, one speaks. Text alone on a side that has none.
import type { VadStream } from '../engines/contract.ts';
import type { Engine } from '../engines/engine.ts';
import type { TranscribeCall } from '../engines/instance.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { OutputChunk } from '../realtime/chunks.ts';
import type { TaskPlan } from '../tasks/plan.ts';
import type { Log } from '../telemetry/log.ts';
import { type Abilities, sessionRateHz, type Transcription } from '../wire/session-config.ts';
import { CascadeAnswer } from './cascade-answer.ts';
import { Filler, type FillerConfig } from './filler.ts';
import { LiveHearings } from './live-hearings.ts';
import { OnEngines, type PipelineFacts } from './on-engines.ts';
import { patience, patiently } from './patience.ts';
import type { AnswerRequest, HearRequest, ListenRequest, Pipeline, PipelineSession } from './pipeline.ts';
import { StageMeter, StageTimes } from './stage-times.ts';

export interface CascadeOptions extends PipelineFacts {
  /** What hears, and what tells when somebody speaks; undefined: callers type. */
  readonly ears: { readonly hear: Engine; readonly vad: Engine } | undefined;
  readonly think: Engine;
  /** Undefined: callers read. */
  readonly speak: Engine | undefined;
  /** Names that a session may choose one of; `any`: the engine judges. Default: none. */
  readonly voices?: Abilities['voices'] | undefined;
  /** `any`: the voice can speak faster and slower. Default `own`. */
  readonly pace?: Abilities['pace'];
  /** Said while who thinks is slow; undefined: nothing. */
  readonly filler?: FillerConfig | undefined;
  /** ISO 639-1, of what callers speak; undefined where the engine has to find out. */
  readonly language: string | undefined;
  /** Background work that its sessions can have done. Default: none. */
  readonly tasks?: readonly TaskPlan[];
  readonly log: Log;
  /** Default: one of its own. */
  readonly stages?: StageMeter | undefined;
}

export class CascadePipeline extends OnEngines implements Pipeline {
  readonly kind = 'cascade';
  readonly abilities: Abilities;
  readonly transcription: Transcription | null;
  readonly stages: StageMeter;
  readonly tasks: readonly TaskPlan[];
  readonly #options: CascadeOptions;

  constructor(options: CascadeOptions) {
    super(options);
    const { ears, speak, language, tasks = [] } = options;
    this.#options = options;
    this.stages = options.stages ?? new StageMeter();
    this.tasks = tasks;
    this.abilities = {
      ...{ hears: ears ? 'words' : 'nothing', answers: speak ? 'speech' : 'text' },
      ...{ voices: speak ? (options.voices ?? []) : [], pace: (speak && options.pace) ?? 'own' },
      ownTools: tasks.flatMap(({ tool }) => tool?.name ?? []),
    };
    this.transcription = ears ? { model: ears.hear.name, ...(language && { language }) } : null;
  }

  open(scope: Scope): PipelineSession {
    return new CascadeSession(this.#options, scope, this.hold());
  }
}

class CascadeSession implements PipelineSession {
  readonly #options: CascadeOptions;
  /** Of the session. */
  readonly #scope: Scope;
  readonly #letGo: () => void;
  readonly #filler: Filler | undefined;

  constructor(options: CascadeOptions, scope: Scope, letGo: () => void) {
    this.#options = options;
    this.#scope = scope;
    this.#letGo = letGo;
    this.#filler = options.filler && new Filler(options.filler);
  }

  openVad(rateHz: number): VadStream {
    return this.#ears().vad.openVad(rateHz);
  }

  async *hear(request: HearRequest, signal: AbortSignal): AsyncGenerator<string> {
    const { itemId } = request;
    const scope = this.#within(`hearing of ${itemId}`, signal);
    try {
      yield* this.#heard(request, scope);
    } finally {
      void scope.close('done');
    }
  }

  listen(request: ListenRequest, signal: AbortSignal): AsyncIterable<string> | undefined {
    const { hear } = this.#ears();
    const scope = this.#within(`listening to ${request.itemId}`, signal);
    const leave = LiveHearings.of(hear).enter(() => void scope.close('done'));
    if (leave) return this.#listened(request, scope, leave);
    void scope.close('done');
    return undefined;
  }

  async *respond(request: AnswerRequest, signal: AbortSignal): AsyncGenerator<OutputChunk> {
    const { snapshot } = request;
    const { responseId } = snapshot;
    const scope = this.#within(`stages of ${responseId}`, signal);
    const times = request.times ?? new StageTimes(scope.clock, undefined);
    try {
      yield* new CascadeAnswer(this.#options, snapshot, scope, { times, filler: this.#filler }).chunks();
    } finally {
      void scope.close('done');
      times.ended();
      const facts = { session: this.#scope.name, response: responseId, ...times.facts() };
      this.#options.log.debug(facts, signal.aborted ? 'an answer was stopped' : 'an answer has ended');
    }
  }

  close(): void {
    this.#letGo();
  }

  async *#heard({ itemId, pcm, language }: HearRequest, scope: Scope): AsyncGenerator<string> {
    const { hear } = this.#ears();
    const { clock, signal } = scope;
    const began = clock.now();
    if (pcm.length === 0)
      throw new GreenroomError('invalid_request', `the audio of item ${itemId} is no longer held`);
    const call = { pcm: onePiece(pcm), rate: sessionRateHz, language };
    LiveHearings.of(hear).makeRoom();
    yield* texts(hear, call, scope);
    if (signal.aborted) return;
    const facts = { session: this.#scope.name, item: itemId, audioMs: (pcm.length * 1000) / sessionRateHz };
    this.#options.log.debug({ ...facts, hearMs: Math.round(clock.now() - began) }, 'a caller was heard');
  }

  async *#listened(
    { pcm, language, itemId }: ListenRequest,
    scope: Scope,
    leave: () => void,
  ): AsyncGenerator<string> {
    const { hear } = this.#ears();
    const { clock, signal } = scope;
    let endedMs: number | null = null;
    async function* followed(): AsyncGenerator<Int16Array> {
      yield* pcm;
      // Nobody takes its place any more: it is nearly through.
      leave();
      endedMs = clock.now();
    }
    try {
      const call = { pcm: followed(), rate: sessionRateHz, language };
      yield* texts(hear, call, scope, () => endedMs);
      if (signal.aborted || endedMs === null) return;
      const hearMs = Math.round(clock.now() - endedMs);
      const facts = { session: this.#scope.name, item: itemId, hearMs };
      this.#options.log.debug(facts, 'a caller was heard while speaking');
    } finally {
      leave();
      void scope.close('done');
    }
  }

  /** Closes when the signal aborts; whoever opens it closes it. */
  #within(name: string, signal: AbortSignal): Scope {
    const scope = this.#scope.child(name);
    const stop = () => void scope.close('done');
    signal.addEventListener('abort', stop, { once: true });
    scope.defer('signal', () => signal.removeEventListener('abort', stop));
    if (signal.aborted) stop();
    return scope;
  }

  #ears() {
    const { ears, name } = this.#options;
    if (ears) return ears;
    throw new GreenroomError('engine_call_unsupported', `pipeline ${name} has nothing that hears`);
  }
}

/** What it has heard, again and again. */
async function* texts(
  hear: Engine,
  call: TranscribeCall,
  scope: Scope,
  owesSinceMs: () => number | null = () => 0,
): AsyncGenerator<string> {
  const parts = patiently({
    ...{ ...patience, scope, engine: hear.name, what: 'transcription', owesSinceMs },
    ask: (abort) => hear.transcribe(call, abort),
  });
  let count = 0;
  for await (const { text } of parts) {
    count += 1;
    yield text.trim();
  }
  if (count > 0 || scope.signal.aborted) return;
  const message = `engine ${hear.name}: transcription: it answered with nothing at all`;
  throw new GreenroomError('engine_no_output', message);
}

async function* onePiece(pcm: Int16Array): AsyncGenerator<Int16Array> {
  yield pcm;
}
