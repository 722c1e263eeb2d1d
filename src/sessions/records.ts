// What a session leaves behind: when it was there, how it ended, what was said. Told by the conversation's own steps, in
// order, so that the record has nothing that the conversation had not.
import type { BridgeRecord } from '../bridge/state.ts';
import type { Clock } from '../lifecycle/clock.ts';
import type { CloseReason } from '../lifecycle/reasons.ts';
import type { Stage } from '../pipelines/stage-times.ts';
import { fillerText } from '../realtime/heard-text.ts';
import { textHeard } from '../realtime/spoken.ts';
import type { Conversation, Step } from '../realtime/state.ts';
import type { SessionRow, Store } from '../store/store.ts';
import type { Item } from '../wire/items.ts';
import type { AnswerSource } from '../wire/notices.ts';
import type { ResponseObject, ServerEvent } from '../wire/server-events.ts';
import type { EndedAnswer } from './answers.ts';

interface SessionOrigin {
  readonly id: string;
  readonly pipeline: string;
  /** Of the pipeline, from 1. */
  readonly generation: number;
  readonly remote: string;
}

/** Of one session. Nothing of it throws, and nobody waits for it. */
export interface SessionRecord {
  opened(): void;
  stepped(step: Step): void;
  /** The same of a call that somebody else answers. */
  told(event: BridgeRecord, items: () => readonly Item[]): void;
  /** How long its stages took. */
  answered(answer: EndedAnswer): void;
  /** Once, after everything else; not for one that was never opened. */
  closed(reason: CloseReason, closeCode: number): void;
}

interface Transcribed {
  readonly type: 'conversation.item.input_audio_transcription.completed';
  readonly item_id: string;
}

export type SessionRecords = (origin: SessionOrigin) => SessionRecord;

const unrecorded: SessionRecord = {
  opened: () => undefined,
  stepped: () => undefined,
  told: () => undefined,
  answered: () => undefined,
  closed: () => undefined,
};

export const noRecords: SessionRecords = () => unrecorded;

export function storedRecords(store: Pick<Store, 'write'>, clock: Clock): SessionRecords {
  return (origin) => new StoredRecord(origin, store, clock);
}

class StoredRecord implements SessionRecord {
  readonly #origin: SessionOrigin;
  readonly #store: Pick<Store, 'write'>;
  readonly #clock: Clock;
  #openedAtMs = 0;
  #items = 0;
  #answers = 0;
  /** Of the answer that began last. */
  #source: ({ readonly of: string } & AnswerSource) | undefined;
  /** As it was after the last step. */
  #conversation: Conversation | undefined;

  constructor(origin: SessionOrigin, store: Pick<Store, 'write'>, clock: Clock) {
    this.#origin = origin;
    this.#store = store;
    this.#clock = clock;
  }

  opened(): void {
    this.#openedAtMs = this.#clock.wallTime();
    this.#write({ state: 'open', closedAtMs: null, reason: null, closeCode: null, items: 0, answers: null });
  }

  stepped({ state, effects }: Step): void {
    this.#conversation = state;
    for (const effect of effects) if (effect.type === 'send') this.#told(effect.event, () => state.items);
  }

  told(event: BridgeRecord, items: () => readonly Item[]): void {
    const completed = 'conversation.item.input_audio_transcription.completed' as const;
    this.#told(event.type === 'transcribed' ? { ...event, type: completed } : event, items);
  }

  answered({ responseId, itemId, state, beganAtMs, stages }: EndedAnswer): void {
    const ms = (stage: Stage) => {
      const value = stages[stage];
      return value === undefined ? null : Math.round(value);
    };
    this.#store.write({
      type: 'turn',
      row: {
        ...{ sessionId: this.#origin.id, id: responseId, itemId, state, beganAtMs },
        ...{ silenceMs: ms('silence'), hearMs: ms('hear'), thinkMs: ms('think'), sentenceMs: ms('sentence') },
        ...{ speakMs: ms('speak'), firstAudioMs: ms('first_audio'), answerMs: ms('answer') },
      },
    });
  }

  closed(reason: CloseReason, closeCode: number): void {
    this.#writeUnfinished();
    this.#write({
      ...{ state: 'closed', closedAtMs: this.#clock.wallTime(), reason, closeCode },
      ...{ items: this.#items, answers: this.#answers },
    });
  }

  /** What the caller is told of its items is what there is to record. */
  #told(event: ServerEvent | BridgeRecord | Transcribed, items: () => readonly Item[]): void {
    const { id: sessionId } = this.#origin;
    const atMs = this.#clock.wallTime();
    switch (event.type) {
      case 'conversation.item.added':
        this.#items += 1;
        // What is complete already is done in the same step.
        if (event.item.status === 'in_progress') this.#writeItem(event.item, event.previous_item_id);
        return;
      case 'conversation.item.done':
        return this.#writeItem(event.item, event.previous_item_id);
      case 'conversation.item.truncated': {
        const item = items().find(({ id }) => id === event.item_id);
        const row = { sessionId, id: event.item_id, heardMs: event.audio_end_ms, updatedAtMs: atMs };
        return this.#store.write({
          type: 'item_truncated',
          row: { ...row, text: item ? textOf(item) : null },
        });
      }
      case 'conversation.item.input_audio_transcription.completed': {
        const all = items();
        const index = all.findIndex(({ id }) => id === event.item_id);
        const item = all[index];
        if (item) this.#writeItem(item, all[index - 1]?.id ?? null);
        return;
      }
      case 'conversation.item.deleted':
        return this.#store.write({
          type: 'item_deleted',
          row: { sessionId, id: event.item_id, deletedAtMs: atMs },
        });
      case 'greenroom.notice':
        if (event.code === 'answer_source') this.#source = { of: event.response_id, ...sourceOf(event) };
        return;
      case 'response.done':
        this.#answers += 1;
        if ('response' in event) this.#writeSource(event.response);
    }
  }

  /** Also where its caller did not ask for notices. */
  #writeSource({ id: responseId, output }: ResponseObject): void {
    const source = this.#source?.of === responseId ? JSON.stringify(sourceOf(this.#source)) : null;
    for (const { id, type } of output) {
      const { text, pieces } = this.#conversation?.spoken.get(id) ?? {};
      const filler = text && pieces ? fillerText(text, pieces).trim() || null : null;
      if (type === 'message' && (source || filler))
        this.#store.write({ type: 'item_source', row: { sessionId: this.#origin.id, id, source, filler } });
    }
  }

  /** The answer that the end of the session cut off, as far as it was made. */
  #writeUnfinished(): void {
    const { response, items } = this.#conversation ?? {};
    const item = items?.find(({ id }) => id === response?.itemId);
    if (!response || !item) return;
    const heard = response.modality === 'text' ? response.text : textHeard(response);
    this.#writeItem({ ...item, status: 'incomplete' }, response.afterItemId, heard);
  }

  #writeItem(item: Item, previousId: string | null, text: string | null = textOf(item)): void {
    const { id, type, status } = item;
    const atMs = this.#clock.wallTime();
    this.#store.write({
      type: 'item',
      row: {
        ...{ sessionId: this.#origin.id, id, previousId, type, status, text },
        role: item.type === 'message' ? item.role : null,
        name: item.type === 'function_call' ? item.name : null,
        callId: item.type === 'message' ? null : item.call_id,
        // Where it is there already, the time of the first writing stands.
        ...{ createdAtMs: atMs, updatedAtMs: atMs },
      },
    });
  }

  #write(row: Omit<SessionRow, 'run' | keyof SessionOrigin | 'openedAtMs'>): void {
    this.#store.write({ type: 'session', row: { ...this.#origin, openedAtMs: this.#openedAtMs, ...row } });
  }
}

const sourceOf = ({ think, speak }: AnswerSource): AnswerSource => ({ think, speak });

/** Null where nothing of it is known: speech without a transcript. */
function textOf(item: Item): string | null {
  if (item.type === 'function_call') return item.arguments;
  if (item.type === 'function_call_output') return item.output;
  const parts = item.content.map((part) => ('text' in part ? part.text : part.transcript));
  const known = parts.filter((part) => part !== null);
  return known.length > 0 || parts.length === 0 ? known.join('\n') : null;
}
