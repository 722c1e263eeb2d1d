// Where a session waits until its pipeline can answer. Watches the engines, tells the session of each change that
// matters, and makes the notices for those who asked for them.
import type { EngineStatus } from '../engines/status.ts';
import type { Timer } from '../lifecycle/clock.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { Histograms } from '../telemetry/histograms.ts';
import type { LobbyEngine, LobbyNotice } from '../wire/notices.ts';

/** What is shown of each that is waited for. */
export type Awaited = Pick<
  EngineStatus,
  'name' | 'state' | 'rung' | 'progress' | 'text' | 'elapsedMs' | 'etaMs' | 'failure'
>;

export interface Readiness {
  /** `failed`: something will not come back by itself. */
  readonly state: 'waiting' | 'ready' | 'failed';
  readonly engines: readonly Awaited[];
}

/** What a session waits for: a pipeline, or more than that. */
export interface AwaitedThings {
  need(): void;
  readiness(): Readiness;
  /** Returns the undo. */
  onChange(listener: () => void): () => void;
}

export interface LobbyOptions {
  readonly scope: Scope;
  readonly pipeline: AwaitedThings;
  /** How long an answer may wait. */
  readonly waitMs: number;
  /** Where it is counted how long it was, from its opening until what it waits for was there for the first time. */
  readonly waits: LobbyWaits;
  readonly onReady: () => void;
  readonly onNotReady: () => void;
  readonly onFailed: (code: string, message: string) => void;
  readonly onTimeout: (waitedMs: number, missing: string) => void;
  readonly onNotice: (notice: LobbyNotice) => void;
}

export type LobbyWaits = Histograms<'ready' | 'failed' | 'left'>;

/** Notices of progress come no faster than this. */
const noticeEveryMs = 250;

export class Lobby {
  readonly #options: LobbyOptions;
  #state: Readiness['state'] | 'new' = 'new';
  #noticeTimer: Timer | undefined;
  #waitTimer: Timer | undefined;
  /** Null: its wait is over, and has been counted. */
  #beganMs: number | null = null;

  constructor(options: LobbyOptions) {
    this.#options = options;
  }

  /** Begins to watch, and tells where things stand. */
  open(): void {
    const { scope, pipeline } = this.#options;
    this.#beganMs = scope.clock.now();
    const leave = pipeline.onChange(() => this.#look());
    scope.defer('lobby', () => {
      leave();
      this.#noticeTimer?.cancel();
      this.#waitTimer?.cancel();
      this.#over('left');
    });
    this.#look();
  }

  /** Where things stand, once more. */
  tell(): void {
    if (this.#state !== 'new') this.#options.onNotice(noticeOf(this.#options.pipeline.readiness()));
  }

  /** An answer waits from now on, or no longer does. */
  wait(state: 'begin' | 'end'): void {
    const { scope, waitMs, onTimeout, pipeline } = this.#options;
    this.#waitTimer?.cancel();
    this.#waitTimer = undefined;
    if (state === 'end') return;
    pipeline.need();
    this.#waitTimer = scope.clock.after(
      waitMs,
      () => onTimeout(waitMs, missing(pipeline.readiness().engines)),
      { ref: false },
    );
  }

  #look(): void {
    const readiness = this.#options.pipeline.readiness();
    const { state } = readiness;
    if (state === this.#state) {
      if (state === 'waiting') this.#noticeSoon();
      return;
    }
    const before = this.#state;
    this.#state = state;
    this.#noticeTimer?.cancel();
    this.#noticeTimer = undefined;
    if (state !== 'waiting') this.#over(state);
    this.#options.onNotice(noticeOf(readiness));
    if (state === 'ready') this.#options.onReady();
    else if (state === 'waiting' && before === 'ready') this.#options.onNotReady();
    else if (state === 'failed') {
      const failure = readiness.engines.find(({ failure }) => failure)?.failure;
      this.#options.onFailed(
        failure?.code ?? 'engine_stopped',
        failure?.message ?? missing(readiness.engines),
      );
    }
  }

  #over(outcome: 'ready' | 'failed' | 'left'): void {
    const { waits, scope } = this.#options;
    if (this.#beganMs !== null) waits.add(outcome, scope.clock.now() - this.#beganMs);
    this.#beganMs = null;
  }

  #noticeSoon(): void {
    this.#noticeTimer ??= this.#options.scope.clock.after(
      noticeEveryMs,
      () => {
        this.#noticeTimer = undefined;
        if (this.#state === 'waiting') this.#options.onNotice(noticeOf(this.#options.pipeline.readiness()));
      },
      { ref: false },
    );
  }
}

function noticeOf({ state, engines }: Readiness): LobbyNotice {
  const notice = { type: 'greenroom.lobby', state, engines: engines.map(toLobbyEngine) } as const;
  const failure = state === 'failed' ? engines.find(({ failure }) => failure)?.failure : undefined;
  if (!failure) return notice;
  return { ...notice, error: { code: failure.code, message: failure.message, log_tail: failure.logTail } };
}

function toLobbyEngine(status: Awaited): LobbyEngine {
  return {
    name: status.name,
    state: status.state,
    rung: status.rung,
    progress: status.progress,
    text: reasonOf(status),
    elapsed_ms: status.elapsedMs,
    eta_ms: status.etaMs,
  };
}

/** What it is doing, and of an engine that is tried again, why the last attempt failed. */
function reasonOf({ state, text, failure }: Awaited): string | null {
  if (!failure) return state === 'starting' ? text : null;
  return state === 'starting' ? `${text ?? 'starting again'}; before: ${failure.message}` : failure.message;
}

export function missing(engines: readonly Awaited[]): string {
  const parts = engines
    .filter(({ state }) => state !== 'ready')
    .map((status) => {
      const { name, state, rung } = status;
      const why = reasonOf(status);
      return `engine ${name} is ${state}${rung ? ` at ${rung}` : ''}${why ? ` (${why})` : ''}`;
    });
  return parts.join('; ') || 'nothing is missing';
}
