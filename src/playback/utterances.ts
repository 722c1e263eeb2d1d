// What the caller said, turn by turn, as the events of a recording have it: where each committed item of audio is in the
// caller's sound. Voice activity tells it in ms since the start of the session, a commit of the caller's by where it
// stands among what was appended. Pure.
import { sessionRateHz } from '../wire/session-config.ts';
import type { LoggedEvent } from './event-log.ts';

/** In samples of the caller's sound, at the session's rate. */
export interface Utterance {
  readonly fromSample: number;
  readonly toSample: number;
}

const samplesPerMs = sessionRateHz / 1000;
/** How long voice activity waits to be sure that a turn is over, where the session has said nothing else. */
const silenceMsDefault = 500;

export class Utterances {
  /** Appended so far. */
  #endSample = 0;
  /** What is before has been taken, or cleared. */
  #boundary = 0;
  /** Where the caller has committed, as long as it is not known what came of it. */
  #commits: number[] = [];
  readonly #started = new Map<string, number>();
  readonly #stopped = new Map<string, number>();
  /** Where the take begins in its session: 0 of one that begins with it, otherwise as far as can be told. */
  #offset: { readonly sample: number; readonly by: 'start' | 'guess' } | undefined;
  /** Of what the gateway told: `nothing` that only a session under way tells. */
  #told: 'nothing' | 'something' = 'nothing';
  #silenceMs = silenceMsDefault;

  /** The utterance that this event completes. */
  next({ from, event }: LoggedEvent): Utterance | undefined {
    if (from === 'caller') this.#caller(event);
    if (from !== 'gateway') return undefined;
    // A caller that comes back is told `session.created` again, in the middle of its session.
    if (event['type'] === 'session.created' && this.#told === 'nothing')
      this.#offset = { sample: 0, by: 'start' };
    if (!isBeforeAll(event)) this.#told = 'something';
    return this.#gateway(event);
  }

  #caller({ type, audio }: LoggedEvent['event']): void {
    if (type === 'input_audio_buffer.append') {
      const { at_sample: at, samples } = Object(audio) as Record<string, unknown>;
      if (typeof at === 'number' && typeof samples === 'number')
        this.#endSample = Math.max(this.#endSample, at + samples);
    }
    if (type === 'input_audio_buffer.commit') this.#commits.push(this.#endSample);
    if (type === 'input_audio_buffer.clear') this.#boundary = this.#endSample;
  }

  #gateway(event: LoggedEvent['event']): Utterance | undefined {
    const item = String(event['item_id']);
    switch (event['type']) {
      case 'session.created':
      case 'session.updated':
        return this.#configured(event['session']);
      case 'input_audio_buffer.speech_started':
        this.#started.set(item, toSample(event['audio_start_ms']));
        return undefined;
      case 'input_audio_buffer.speech_stopped':
        this.#stopped.set(item, toSample(event['audio_end_ms']));
        this.#place(toSample(event['audio_end_ms']));
        return undefined;
      case 'input_audio_buffer.committed':
        return this.#committed(item);
      // What was not enough to be committed.
      case 'error':
        if (objectOf(event['error'])['code'] === 'input_audio_buffer_commit_empty') this.#commits.shift();
        return undefined;
      default:
        return undefined;
    }
  }

  #configured(session: unknown): undefined {
    const { turn_detection: detection } = objectOf(objectOf(objectOf(session)['audio'])['input']);
    const { silence_duration_ms: silence } = objectOf(detection);
    this.#silenceMs = typeof silence === 'number' ? silence : silenceMsDefault;
  }

  /** That somebody has stopped is told when so much silence has followed, and was appended. */
  #place(stoppedSample: number): void {
    if (this.#offset?.by === 'start') return;
    const least = stoppedSample + this.#silenceMs * samplesPerMs - this.#endSample;
    this.#offset = { sample: Math.max(0, least, this.#offset?.sample ?? 0), by: 'guess' };
  }

  #committed(item: string): Utterance | undefined {
    const started = this.#started.get(item);
    const stopped = this.#stopped.get(item);
    this.#started.delete(item);
    this.#stopped.delete(item);
    const offset = this.#offset?.sample ?? 0;
    const turn = started !== undefined && stopped !== undefined;
    const fromSample = turn ? Math.max(0, started - offset) : this.#boundary;
    const toSample = turn ? stopped - offset : (this.#commits.shift() ?? this.#endSample);
    this.#boundary = Math.max(this.#boundary, toSample);
    return fromSample < toSample ? { fromSample, toSample } : undefined;
  }
}

/** That there is nothing to come back to stands before what a new session begins with. */
const isBeforeAll = ({ type, error }: LoggedEvent['event']): boolean =>
  type === 'error' && objectOf(error)['code'] === 'conversation_expired';
const toSample = (ms: unknown): number => (typeof ms === 'number' ? Math.round(ms * samplesPerMs) : 0);
const objectOf = (value: unknown): Record<string, unknown> => Object(value) as Record<string, unknown>;
