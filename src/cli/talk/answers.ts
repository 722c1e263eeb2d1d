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
  samples: number;
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
  /** `all`: every sample, for a file at the end; a call that may last for hours does without. */
  readonly #keeps: 'all' | 'nothing';
  readonly #drafts = new Map<string, Draft>();
  #question: Question | null = null;

  constructor(keeps: 'all' | 'nothing' = 'all') {
    this.#keeps = keeps;
  }

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

  /** The one under way, as far as it has come. */
  get current(): { readonly responseId: string; readonly transcript: string } | undefined {
    return [...this.#drafts.values()].findLast(({ state }) => state === 'open');
  }

  /** What began and will not be finished, because the call or its session has ended. Told once. */
  abandon(): readonly Answer[] {
    this.#question = null;
    const open = [...this.#drafts.values()].filter(({ state }) => state === 'open');
    return open.map((draft) => {
      this.#close(draft);
      return answerOf(draft, 'unfinished', null);
    });
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
      samples: 0,
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
    const pcm = decodeAudio(delta);
    draft.samples += pcm.length;
    if (this.#keeps === 'all') draft.chunks.push(pcm);
  }

  #finish(response: ResponseObject): Answer | undefined {
    const draft = this.#drafts.get(response.id);
    if (!draft || draft.state === 'done') return undefined;
    this.#close(draft);
    const { error } = response.status_details ?? {};
    const failed = response.status === 'failed' || response.status === 'incomplete';
    const unknown = {
      code: `response_${response.status}`,
      message: response.status_details?.reason ?? 'no reason was given',
    };
    if (failed) return answerOf(draft, response.status, error ?? unknown);
    const empty = draft.samples === 0 && draft.transcript === '' && response.output.length === 0;
    if (response.status !== 'completed' || !empty) return answerOf(draft, response.status, null);
    return answerOf(draft, 'completed', {
      code: 'empty_answer',
      message: `the answer ${response.id} has neither text nor audio`,
    });
  }

  #close(draft: Draft): void {
    draft.state = 'done';
    if (this.#keeps === 'nothing') this.#drafts.delete(draft.responseId);
  }
}

function answerOf(draft: Draft, status: Answer['status'], failure: Answer['failure']): Answer {
  return {
    responseId: draft.responseId,
    status,
    transcript: draft.transcript,
    audioMs: Math.round(durationMs(draft.samples, sessionRateHz)),
    firstAudioMs: draft.firstAudioMs === null ? null : Math.round(draft.firstAudioMs),
    failure: failure && { code: failure.code, message: failure.message },
  };
}
