// A pipeline of which a test decides every step: when a session's part opens, when an engine is ready or fails, when
// a chunk comes. Counts what is open, so that a leak or a double release shows.
import type { VadStream } from '../../src/engines/contract.ts';
import type { EngineStatus } from '../../src/engines/status.ts';
import {
  type AnswerRequest,
  type HearRequest,
  type Pipeline,
  type PipelineReadiness,
  type PipelineSession,
  readinessOf,
} from '../../src/pipelines/pipeline.ts';
import type { OutputChunk } from '../../src/realtime/chunks.ts';
import { type Abilities, everyAbility, type Transcription } from '../../src/wire/session-config.ts';

/** Lets the test hold every asynchronous step of the pipeline; by default none is held. */
export type Gate = (step: string) => Promise<void>;

export class FakePipeline implements Pipeline {
  readonly name = 'fake';
  readonly kind = 'echo';
  readonly voice = 'default';
  readonly instructions = '';
  abilities: Abilities = everyAbility;
  transcription: Transcription | null = null;
  readonly needs = ['engine'];
  /** Things that were opened and are to be closed exactly once. */
  /** How often somebody waited for an answer. */
  needed = 0;
  readonly ledger = {
    ...{ opened: 0, closed: 0, answersBegun: 0, answersEnded: 0, vadOpened: 0, vadClosed: 0 },
    ...{ hearingBegun: 0, hearingEnded: 0 },
  };
  /** Whose transcripts were asked for. */
  readonly heard: { readonly itemId: string; readonly language: string | null }[] = [];
  /** What it hears of each item in turn, piece by piece. */
  readonly transcripts: (readonly (string | Error)[])[] = [];
  readonly listeners = new Set<() => void>();
  readonly gate: Gate;
  /** Thrown by the next `open`. */
  openFailure: Error | undefined;
  chunks = 5;
  /** The samples of each chunk of an answer. */
  pcm: (chunk: number) => Int16Array = () => new Int16Array(480);
  /** How sure it is that each frame of 768 samples is speech. */
  speech: (frame: number) => number = () => 0;
  #engine: EngineStatus;

  constructor(gate: Gate = async () => undefined, state: EngineStatus['state'] = 'starting') {
    this.gate = gate;
    this.#engine = engineStatus(state);
  }

  become(state: EngineStatus['state']): void {
    this.#engine = engineStatus(state);
    for (const listener of [...this.listeners]) listener();
  }

  async open(): Promise<PipelineSession> {
    await this.gate('open');
    if (this.openFailure) throw this.openFailure;
    this.ledger.opened += 1;
    let state: 'open' | 'closed' = 'open';
    return {
      respond: (request, signal) => this.#respond(request, signal),
      hear: (request, signal) => this.#hear(request, signal),
      openVad: () => this.#openVad(),
      close: async () => {
        if (state === 'closed') throw new Error('the pipeline session was closed twice');
        state = 'closed';
        await this.gate('close');
        this.ledger.closed += 1;
      },
    };
  }

  need(): void {
    this.needed += 1;
  }

  readiness(): PipelineReadiness {
    return readinessOf([this.#engine]);
  }

  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  async *#respond({ snapshot }: AnswerRequest, signal: AbortSignal): AsyncGenerator<OutputChunk> {
    this.ledger.answersBegun += 1;
    try {
      yield { type: 'text', text: `answer to ${snapshot.items.length} items` };
      for (let chunk = 0; chunk < this.chunks && !signal.aborted; chunk += 1) {
        await this.gate('chunk');
        yield { type: 'audio', pcm: this.pcm(chunk) };
      }
    } finally {
      this.ledger.answersEnded += 1;
    }
  }

  async *#hear({ itemId, language }: HearRequest, signal: AbortSignal): AsyncGenerator<string> {
    this.heard.push({ itemId, language });
    this.ledger.hearingBegun += 1;
    try {
      for (const text of this.transcripts.shift() ?? ['something']) {
        await this.gate('hear');
        if (signal.aborted) return;
        if (text instanceof Error) throw text;
        yield text;
      }
    } finally {
      this.ledger.hearingEnded += 1;
    }
  }

  #openVad(): VadStream {
    this.ledger.vadOpened += 1;
    let state: 'open' | 'closed' = 'open';
    let samples = 0;
    let frames = 0;
    return {
      push: async (pcm) => {
        await this.gate('vad');
        samples += pcm.length;
        const length = Math.floor(samples / 768) - frames;
        return Array.from({ length }, () => ({ speech: this.speech(frames++) }));
      },
      close: () => {
        if (state === 'closed') throw new Error('the vad stream was closed twice');
        state = 'closed';
        this.ledger.vadClosed += 1;
      },
    };
  }
}

function engineStatus(state: EngineStatus['state']): EngineStatus {
  const failed = state === 'failed';
  return {
    name: 'engine',
    kind: 'worker',
    state,
    rung: null,
    progress: null,
    text: null,
    elapsedMs: 0,
    expectedMs: null,
    etaMs: null,
    rungMs: {},
    attempt: 1,
    pid: null,
    port: null,
    offers: [],
    model: null,
    lanes: null,
    activeCalls: 0,
    start: 'eager',
    waitingCalls: 0,
    address: null,
    ending: null,
    evidence: {},
    failure: failed
      ? { code: 'engine_exited', message: 'the engine has failed', cause: null, logTail: ['last words'] }
      : null,
  };
}
