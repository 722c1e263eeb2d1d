// The calls of a running engine: counted, refused when it is gone, and of one whose connection is lost it is found out
// whether the engine is gone as well; then it is given up, and everybody learns the same cause.
import { type Clock, delay } from '../../lifecycle/clock.ts';
import { GreenroomError } from '../../lifecycle/errors.ts';
import type { Scope } from '../../lifecycle/scope.ts';
import type { Capability, ChatPart, PcmChunk, TranscriptPart } from '../contract.ts';
import { endpointText } from '../endpoint.ts';
import type { CheckDepth, CheckVerdict } from '../engine-watch.ts';
import type { ChatCall, EmbedCall, SpeakCall, TranscribeCall } from '../instance.ts';
import type { EngineFailure } from '../state.ts';
import type { HttpCalls } from './calls.ts';
import { ConnectionLost } from './exchange.ts';
import { missedBy } from './ladder.ts';
import { orAborted } from './or-aborted.ts';
import type { ProbeTarget } from './probe.ts';
import { type LookVerdict, secondLook, secondLookMs } from './second-look.ts';
import { tryWithin } from './timed-trial.ts';

export interface LiveCallsOptions {
  readonly calls: HttpCalls;
  readonly engine: string;
  readonly offers: readonly Capability[];
  /** Asked whether the engine is there. */
  readonly target: ProbeTarget;
  readonly clock: Clock;
  /** Of the instance. */
  readonly signal: AbortSignal;
  readonly scope: Scope;
  readonly generateTimeoutMs: number;
  readonly state: () => 'running' | 'stopping' | 'gone';
  /** Why it is unfit, or gone, once it is. */
  readonly failure: () => EngineFailure | undefined;
  /** It answers no more, and why. */
  readonly onUnreachable: (why: string) => void;
  /** A call was answered for the first time. */
  readonly onProof: (evidence: string) => void;
}

export class LiveCalls {
  readonly #options: LiveCallsOptions;
  #active = 0;
  /** When it was known to be there, for whoever looks after an idle engine. */
  #seenMs: number;
  #proof: 'none' | 'had' = 'none';
  #looking: Promise<LookVerdict> | undefined;

  constructor(options: LiveCallsOptions) {
    this.#options = options;
    this.#seenMs = options.clock.now();
  }

  get active(): number {
    return this.#active;
  }

  /** Nobody has used it, or asked whether it is there, for so long. */
  get idleMs(): number {
    return this.#active > 0 ? 0 : this.#options.clock.now() - this.#seenMs;
  }

  /** It is there. */
  seen(): void {
    this.#seenMs = this.#options.clock.now();
  }

  /** Never rejects. One that is leaving, or was asked by nobody in time, is well. */
  async check(depth: CheckDepth): Promise<CheckVerdict> {
    const { calls, offers, scope, clock, target, generateTimeoutMs, signal, state } = this.#options;
    let missed = await missedBy(target, clock, signal);
    // One that is on its way out is known for it by then, and its end says more than a refusal.
    if (missed && (await delay(clock, secondLookMs, signal)) === 'elapsed')
      missed = await missedBy(target, clock, signal);
    if (missed && state() === 'running') return { state: 'unfit', why: missed.why };
    if (depth === 'alive') return { state: 'well' };
    const outcome = await tryWithin({ calls, offers, scope, clock, timeoutMs: generateTimeoutMs });
    const unfit = outcome.state === 'failed' && !outcome.busy && state() === 'running';
    return unfit ? { state: 'unfit', why: outcome.why } : { state: 'well' };
  }

  speak(call: SpeakCall, signal: AbortSignal): AsyncGenerator<PcmChunk> {
    return this.#watched('speak', 'speech', (calls) => calls.speak(call, signal), signal);
  }

  chat(call: ChatCall, signal: AbortSignal): AsyncGenerator<ChatPart> {
    return this.#watched('chat', 'chat', (calls) => calls.chat(call, signal), signal);
  }

  transcribe(call: TranscribeCall, signal: AbortSignal): AsyncGenerator<TranscriptPart> {
    return this.#watched('transcribe', 'transcription', (calls) => calls.transcribe(call, signal), signal);
  }

  /** Rejects with `cancelled` when the signal aborts. */
  async embed(call: EmbedCall, signal: AbortSignal): Promise<readonly Float32Array[]> {
    const once = async function* (calls: HttpCalls) {
      yield await calls.embed(call, signal);
    };
    for await (const vectors of this.#watched('embed', 'embedding', once, signal)) return vectors;
    const { engine } = this.#options;
    throw new GreenroomError('cancelled', `nobody waits for the embeddings of engine ${engine} any more`);
  }

  async *#watched<Part>(
    capability: Capability,
    what: string,
    open: (calls: HttpCalls) => AsyncIterable<Part>,
    signal: AbortSignal,
  ): AsyncGenerator<Part> {
    const { engine, offers, calls, state } = this.#options;
    if (!offers.includes(capability)) {
      const offered = offers.join(', ') || 'nothing';
      const message = `engine ${engine} offers ${offered}, not ${capability}`;
      throw new GreenroomError('engine_call_unsupported', message);
    }
    if (state() === 'gone') throw new GreenroomError('engine_stopped', `engine ${engine} is gone`);
    let lost: ConnectionLost;
    this.#active += 1;
    try {
      for await (const part of open(calls)) {
        this.#proven(`a caller's ${capability} was answered`);
        yield part;
      }
      return;
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
      lost = error;
    } finally {
      this.#active -= 1;
      this.seen();
    }
    const why = await orAborted(this.#whyLost(what, lost), signal);
    if (why) throw why;
  }

  #proven(evidence: string): void {
    if (this.#proof === 'had') return;
    this.#proof = 'had';
    this.#options.onProof(evidence);
  }

  /** What a caller is told whose connection is lost. */
  async #whyLost(what: string, lost: ConnectionLost): Promise<GreenroomError> {
    const { engine, state, failure } = this.#options;
    if (state() !== 'stopping') {
      // One look for all who ask at a time.
      this.#looking ??= this.#look();
      const verdict = await this.#looking;
      if (verdict.state === 'there' && !failure()) {
        const message = `engine ${engine}: ${what}: ${lost.message}; ${verdict.facts}`;
        return new GreenroomError('engine_call_failed', message, { cause: lost });
      }
    }
    const failed = failure();
    if (!failed) return new GreenroomError('engine_stopped', `engine ${engine} is being stopped`);
    const { code, message, logTail } = failed;
    return new GreenroomError(code, `${message}; it is tried again`, { details: { logTail }, cause: lost });
  }

  async #look(): Promise<LookVerdict> {
    const { target, clock, signal, state, failure, onUnreachable } = this.#options;
    const verdict = await secondLook({ target, clock, signal, callsUnderWay: () => this.#active });
    this.#looking = undefined;
    if (verdict.state === 'gone' && state() !== 'stopping' && !failure())
      onUnreachable(`${endpointText(target.endpoint)} answers no more: ${verdict.why}`);
    return verdict;
  }
}
