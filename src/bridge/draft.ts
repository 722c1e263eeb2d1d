// One step of a bridged call: the state, the effects so far and the randomness. What the parts of `next` pass on.
import type { NewId } from '../wire/ids.ts';
import type { JsonObject } from '../wire/json.ts';
import { LongText } from '../wire/long-text.ts';
import type { BridgeEffect, BridgeState, Sent, UpText } from './state.ts';

/** Of what is held in the lobby beside audio. */
const heldCharsMax = 4 * 1024 * 1024;
/** What a frame that is held counts at least: all of them go upstream at once, and a hundred thousand crumbs take long. */
export const heldCharsMin = 1024;
/** Events whose errors can still be told to belong to them. */
const sentMax = 64;

interface ErrorFacts {
  readonly param?: string | null;
  readonly eventId?: string | null | undefined;
  readonly type?: 'invalid_request_error' | 'server_error';
}

interface UpOptions {
  readonly key?: string;
  readonly eventId?: string | null;
  /** Where it has marks in it: of what they stand for as well. */
  readonly charsMin?: number;
}

/** A frame is a part of what was read, and is not kept. */
export function ownText(text: UpText): string | LongText {
  return text instanceof LongText ? text : `${text}`;
}

export class BridgeDraft {
  state: BridgeState;
  readonly effects: BridgeEffect[] = [];
  readonly newId: NewId;

  constructor(state: BridgeState, newId: NewId) {
    this.state = state;
    this.newId = newId;
  }

  get lobby(): boolean {
    const { phase } = this.state;
    return phase === 'waiting' || phase === 'connecting';
  }

  set(changes: Partial<BridgeState>): void {
    this.state = { ...this.state, ...changes };
  }

  do(effect: BridgeEffect): void {
    this.effects.push(effect);
  }

  tell(event: JsonObject): void {
    this.do({ type: 'to_caller', event });
  }

  error(code: string, message: string, { param, eventId, type }: ErrorFacts = {}): void {
    this.tell({
      type: 'error',
      error: {
        ...{ type: type ?? 'invalid_request_error', code, message },
        ...{ param: param ?? null, event_id: eventId ?? null },
      },
    });
  }

  /** Sends it upstream; in the lobby it is held, where there is room: the caller is told otherwise. */
  up(text: UpText, options: UpOptions = {}): boolean {
    if (!this.lobby) {
      this.do({ type: 'to_upstream', text });
      return true;
    }
    const { heldChars } = this.state;
    const chars = Math.max(text.length, options.charsMin ?? 0, heldCharsMin);
    if (heldChars + chars > heldCharsMax) {
      const message = `upstream is not there yet, and ${heldChars} characters wait for it, ${heldCharsMax} at most (an event counts ${heldCharsMin} at least); send it again later`;
      this.error('lobby_full', message, { eventId: options.eventId ?? null });
      return false;
    }
    this.set({ heldChars: heldChars + chars });
    this.do({ type: 'hold', text: ownText(text), key: options.key ?? null, ms: 0, bytes: 0 });
    return true;
  }

  /** Sends an event with an id of ours; `sent` says whose it is, should an error come back. */
  upAs(sent: Sent, event: JsonObject): boolean {
    const eventId = this.newId('event');
    this.remember(eventId, sent);
    return this.up(JSON.stringify({ ...event, event_id: eventId }), { eventId: sent.callerEventId });
  }

  remember(eventId: string, sent: Sent): void {
    const all = [...this.state.sent, [eventId, sent] as const];
    this.set({ sent: new Map(all.slice(-sentMax)) });
  }

  forget(eventId: string): void {
    this.set({ sent: new Map([...this.state.sent].filter(([id]) => id !== eventId)) });
  }
}
