// How long each stage of an answer took, from the end of the caller's speech to the end of the answer's: what a caller
// waits for. For the log in ms since the answer was begun, and for histograms from stage to stage.
import type { Clock } from '../lifecycle/clock.ts';
import { Histograms } from '../telemetry/histograms.ts';

type Reached = 'firstToken' | 'firstSentence' | 'firstAudio' | 'thought';

/** By the session's clock, ms. */
export interface TurnTimes {
  /** Where the speech ended, before the silence that shows it. */
  readonly spokenMs: number;
  /** The silence has shown it, or the caller has said it. */
  readonly committedMs: number;
  /** It has been written down; null where nobody does that. */
  readonly transcribedMs: number | null;
}

/** `silence`, `hear`, `think` (to the first token), `sentence` (to the end of the first), `speak` (to its first audio); `first_audio` is all of them, `answer` from its beginning to its end. */
export type Stage = 'silence' | 'hear' | 'think' | 'sentence' | 'speak' | 'first_audio' | 'answer';

/** Of one pipeline. */
export class StageMeter extends Histograms<Stage> {}

export class StageTimes {
  readonly #clock: Clock;
  readonly #beganMs: number;
  readonly #turn: TurnTimes | undefined;
  readonly #atMs = new Map<Reached | 'end', number>();

  /** `turn`: what is answered, where it was spoken. */
  constructor(clock: Clock, turn: TurnTimes | undefined) {
    this.#clock = clock;
    this.#beganMs = clock.now();
    this.#turn = turn;
  }

  /** The first time counts. */
  reached(stage: Reached): void {
    if (!this.#atMs.has(stage)) this.#atMs.set(stage, this.#clock.now());
  }

  /** As far as anybody knows: the last time counts. */
  ended(): void {
    this.#atMs.set('end', this.#clock.now());
  }

  /** `firstAudioMs` and so on; a stage that was not reached is not there. `speechToAudioMs` is from the end of the speech. */
  facts(): Readonly<Record<string, number>> {
    const { silence, hear, first_audio: speechToAudio } = this.stages();
    const own = [...this.#atMs].map(([stage, atMs]) => [`${stage}Ms`, atMs - this.#beganMs] as const);
    const turn = { silenceMs: silence, hearMs: hear, speechToAudioMs: speechToAudio };
    const all = [...Object.entries(turn), ...own];
    return Object.fromEntries(
      all.flatMap(([name, ms]) => (ms === undefined ? [] : [[name, Math.round(ms)]])),
    );
  }

  measure(meter: StageMeter): void {
    for (const [stage, ms] of Object.entries(this.stages())) meter.add(stage as Stage, ms);
  }

  /** Ms; a stage that was not reached is not there. */
  stages(): Readonly<Partial<Record<Stage, number>>> {
    const turn = this.#turn;
    const at = (stage: Reached | 'end') => this.#atMs.get(stage);
    const spans: readonly (readonly [Stage, number | undefined | null, number | undefined | null])[] = [
      ['silence', turn?.spokenMs, turn?.committedMs],
      ['hear', turn?.committedMs, turn?.transcribedMs],
      ['think', this.#beganMs, at('firstToken')],
      ['sentence', at('firstToken'), at('firstSentence')],
      ['speak', at('firstSentence'), at('firstAudio')],
      ['first_audio', turn?.spokenMs, at('firstAudio')],
      ['answer', this.#beganMs, at('end')],
    ];
    return Object.fromEntries(
      spans.flatMap(([stage, from, to]) => (from == null || to == null ? [] : [[stage, to - from]])),
    );
  }
}
