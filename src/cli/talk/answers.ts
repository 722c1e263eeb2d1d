// The answers of one call, as they come in: text, audio and times of each, in the order in which they began. Also knows
// whether an answer is still owed. Holds samples and nothing that needs closing.
import { concatPcm, durationMs } from '../../audio/pcm.ts';
import { decodeAudio } from '../../client/audio.ts';
import type { ConnectionEvent } from '../../client/events.ts';
import type { ResponseObject } from '../../wire/server-events.ts';
import { sessionRateHz } from '../../wire/session-config.ts';

export interface Answer {
  readonly responseId: string;
  /** `unfinished`: the call ended first. */
  readonly status: ResponseObject['status'] | 'unfinished';
  readonly transcript: string;
  readonly audioMs: number;
  /** From the question (sent, or heard to its end) to the first audio. */
  readonly firstAudioMs: number | null;
  readonly failure: { readonly code: string; readonly message: string } | null;
}

interface Draft {
  readonly responseId: string;
  readonly askedAtMs: number;
  readonly chunks: Int16Array[];
  transcript: string;
  firstAudioMs: number | null;
  state: 'open' | 'done';
}

/** A question without an answer yet. `eventId`: null for one that turn detection asked. */
interface Question {
  readonly eventId: string | null;
  readonly atMs: number;
}

export class Answers {
  readonly #drafts = new Map<string, Draft>();
  #question: Question | null = null;

  /** The next response answers this. */
  asked(question: Question): void {
    this.#question = question;
  }

  /** What `owed` waits for: `none` when every question has its answer. */
  get owed(): 'none' | 'start' | 'end' {
    if (this.#question) return 'start';
    return [...this.#drafts.values()].some(({ state }) => state === 'open') ? 'end' : 'none';
  }

  /** @returns the answer that this event ends, if it does */
  take(event: ConnectionEvent, nowMs: number): Answer | undefined {
    switch (event.type) {
      case 'response.created':
        return this.#begin(event.response.id, nowMs);
      case 'response.output_audio.delta':
        return this.#audio(event.response_id, event.delta, nowMs);
      case 'response.output_audio_transcript.delta':
      case 'response.output_text.delta': {
        const draft = this.#drafts.get(event.response_id);
        if (draft) draft.transcript += event.delta;
        return undefined;
      }
      case 'response.done':
        return this.#finish(event.response);
      case 'error': {
        const { type, event_id: eventId } = event.error;
        // A question of turn detection has no event to blame: what the server could not do is about it.
        const about = eventId !== null ? eventId === this.#question?.eventId : type === 'server_error';
        if (about) this.#question = null;
        return undefined;
      }
      default:
        return undefined;
    }
  }

  /** What began and was not finished, once the call has ended. */
  unfinished(): readonly Answer[] {
    return [...this.#drafts.values()]
      .filter(({ state }) => state === 'open')
      .map((draft) => answerOf(draft, 'unfinished', null));
  }

  /** The audio of all of them. */
  pcm(): Int16Array {
    return concatPcm([...this.#drafts.values()].flatMap(({ chunks }) => chunks));
  }

  #begin(responseId: string, nowMs: number): undefined {
    const askedAtMs = this.#question?.atMs ?? nowMs;
    this.#question = null;
    const draft: Draft = {
      responseId,
      askedAtMs,
      chunks: [],
      transcript: '',
      firstAudioMs: null,
      state: 'open',
    };
    this.#drafts.set(responseId, draft);
  }

  #audio(responseId: string, delta: string, nowMs: number): undefined {
    const draft = this.#drafts.get(responseId);
    if (!draft) return;
    draft.firstAudioMs ??= nowMs - draft.askedAtMs;
    draft.chunks.push(decodeAudio(delta));
  }

  #finish(response: ResponseObject): Answer | undefined {
    const draft = this.#drafts.get(response.id);
    if (!draft || draft.state === 'done') return undefined;
    draft.state = 'done';
    const { error } = response.status_details ?? {};
    const failed = response.status === 'failed' || response.status === 'incomplete';
    const unknown = {
      code: `response_${response.status}`,
      message: response.status_details?.reason ?? 'no reason was given',
    };
    if (failed) return answerOf(draft, response.status, error ?? unknown);
    const empty = draft.chunks.length === 0 && draft.transcript === '' && response.output.length === 0;
    if (response.status !== 'completed' || !empty) return answerOf(draft, response.status, null);
    return answerOf(draft, 'completed', {
      code: 'empty_answer',
      message: `the answer ${response.id} has neither text nor audio`,
    });
  }
}

function answerOf(draft: Draft, status: Answer['status'], failure: Answer['failure']): Answer {
  const samples = draft.chunks.reduce((total, chunk) => total + chunk.length, 0);
  return {
    responseId: draft.responseId,
    status,
    transcript: draft.transcript,
    audioMs: Math.round(durationMs(samples, sessionRateHz)),
    firstAudioMs: draft.firstAudioMs === null ? null : Math.round(draft.firstAudioMs),
    failure: failure && { code: failure.code, message: failure.message },
  };
}
