// Follows the caller's audio with voice activity detection and says where turns begin and end. Runs behind the input,
// at its own pace: early input is caught up with as soon as the engine is there. Owned by the session's scope.
import { initialTurnState, next, resetTurns, type TurnState, withTurnOptions } from '../audio/turns.ts';
import type { VadStream } from '../engines/contract.ts';
import type { Scope } from '../lifecycle/scope.ts';
import { detectorOptions } from '../realtime/session-update.ts';
import { sessionRateHz, type TurnDetection } from '../wire/session-config.ts';
import type { InputAudio } from './input-audio.ts';

export interface HearingOptions {
  readonly scope: Scope;
  readonly input: InputAudio;
  readonly openVad: (rateHz: number) => VadStream;
  readonly onTurn: (event: {
    readonly type: 'speech_started' | 'speech_stopped';
    readonly atSample: number;
  }) => void;
  /** So far it is known where turns begin and end. */
  readonly onHeard: (toSample: number) => void;
  /** Everything before is heard and belongs to no turn. */
  readonly onQuiet: (beforeSample: number) => void;
  /** A stream failed although its engine lives. After too many, nobody listens any more (`deaf`). */
  readonly onFault: (error: unknown, then: 'again' | 'deaf') => void;
}

const faultsMax = 3;

/** Of silero: 32 ms a frame. */
const frameMs = 32;
/** Asked for at a time: a second is about 100 ms of work. */
const askSamplesMax = sessionRateHz;
/** Audio kept before the present, beyond the padding: speech is noticed a little late. */
const marginMs = 500;

const toSample = (ms: number) => Math.round((ms * sessionRateHz) / 1000);
const toMs = (sample: number) => (sample * 1000) / sessionRateHz;

export class Hearing {
  readonly #options: HearingOptions;
  #detection: TurnDetection | null = null;
  #turns: TurnState = initialTurnState();
  #turnOpen = false;
  #heardSample = 0;
  /** What was asked for up to here has been answered. */
  #followedSample = 0;
  /** Counts the resets: what was asked for before one is not listened to after it. */
  #epoch = 0;
  #faults = 0;
  #listening: Scope | undefined;
  #wake: (() => void) | undefined;

  constructor(options: HearingOptions) {
    this.#options = options;
  }

  /** Of the input, while turns are detected: not followed yet. */
  get behindSamples(): number {
    const { input } = this.#options;
    return this.#detection ? input.endSample - Math.max(this.#followedSample, input.startSample) : 0;
  }

  configure(detection: TurnDetection | null): void {
    const before = this.#detection;
    this.#detection = detection;
    if (detection) this.#turns = withTurnOptions(this.#turns, detectorOptions(detection));
    // What came while nobody detected turns, and was not committed, may hold speech.
    if (detection && !before) this.#beginAt(this.#options.input.startSample);
    this.#wake?.();
  }

  /** The buffer was cleared or committed: begin anew at its end. */
  reset(): void {
    this.#beginAt(this.#options.input.endSample);
  }

  #beginAt(sample: number): void {
    this.#epoch += 1;
    this.#heardSample = sample;
    this.#followedSample = sample;
    this.#turnOpen = false;
    this.#turns = resetTurns(this.#turns, toMs(this.#heardSample));
  }

  /** More audio is there. */
  appended(): void {
    this.#wake?.();
  }

  /** The engine is ready: hears what is there and what comes. */
  start(): void {
    if (this.#listening || this.#options.scope.state !== 'open') return;
    const scope = this.#options.scope.child('hearing');
    this.#listening = scope;
    scope.spawn('hear', async (signal) => {
      try {
        const stream = this.#options.openVad(sessionRateHz);
        scope.defer('vad', () => stream.close());
        await this.#hear(stream, signal);
      } catch (error) {
        if (!signal.aborted) this.#failed(error);
      }
    });
  }

  /** The turn under way ends where it was heard to; what comes is heard by a new stream. */
  #failed(error: unknown): void {
    this.#faults += 1;
    if (this.#turnOpen) this.#options.onTurn({ type: 'speech_stopped', atSample: this.#heardSample });
    this.#beginAt(this.#heardSample);
    void this.stop();
    const then = this.#faults < faultsMax ? 'again' : 'deaf';
    this.#options.onFault(error, then);
    if (then === 'again') this.start();
  }

  /** The engine is gone, for now. */
  async stop(): Promise<void> {
    const scope = this.#listening;
    this.#listening = undefined;
    await scope?.close('engine_failed');
  }

  async #hear(stream: VadStream, signal: AbortSignal): Promise<void> {
    const { input, onHeard, onQuiet } = this.#options;
    while (!signal.aborted) {
      const from = Math.max(this.#heardSample, input.startSample);
      const to = Math.min(input.endSample, from + askSamplesMax);
      if (!this.#detection || from >= to) {
        await this.#more(signal);
        continue;
      }
      // The oldest was dropped before it was heard.
      if (from > this.#heardSample) this.#turns = resetTurns(this.#turns, toMs(from));
      this.#heardSample = to;
      const epoch = this.#epoch;
      const frames = await stream.push(input.slice(from, to));
      if (signal.aborted) return;
      if (epoch !== this.#epoch) continue;
      for (const { speech } of frames) this.#frame(speech);
      this.#followedSample = Math.max(this.#followedSample, to);
      onHeard(toSample(this.#turns.positionMs));
      if (this.#turnOpen || !this.#detection) continue;
      const { prefixPaddingMs } = detectorOptions(this.#detection);
      onQuiet(toSample(this.#turns.positionMs - prefixPaddingMs - marginMs));
    }
  }

  #frame(speech: number): void {
    if (!this.#detection) return;
    const { state, events } = next(this.#turns, { speech, frameMs });
    this.#turns = state;
    for (const { type, atMs } of events) {
      this.#turnOpen = type === 'speech_started';
      this.#options.onTurn({ type, atSample: toSample(atMs) });
    }
  }

  #more(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        signal.removeEventListener('abort', done);
        this.#wake = undefined;
        resolve();
      };
      this.#wake = done;
      signal.addEventListener('abort', done, { once: true });
    });
  }
}
