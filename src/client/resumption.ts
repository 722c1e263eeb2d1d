// How a connection comes back to its conversation: which one it was, and whether a gateway that was asked for it has
// gone on with it. What is told meanwhile is kept until that is known: the gateway tells what there is before it answers
// anything, so its answer to our question is the end of it.
import type { ClientEvent } from './client-events.ts';
import { isReceived, readEvent } from './events.ts';

/** Whether what follows belongs to the conversation of before. */
export type Continuation = 'new' | 'resumed';

/** The question: it asks for what is in effect already, or is wanted of a new session. */
const question: ClientEvent = {
  type: 'session.update',
  event_id: 'client_resume',
  session: { resumption: { enabled: true } },
};

export class Resumption {
  #conversationId: string | null = null;
  #sessionId: string | null = null;
  #pending: { readonly before: string | null; readonly frames: unknown[] } | undefined;

  /** The same address, where there is a conversation to come back to. */
  address(url: string): string {
    if (this.#conversationId === null) return url;
    const address = new URL(url);
    address.searchParams.set('conversation_id', this.#conversationId);
    return address.href;
  }

  /** A socket is open. @returns what it has to be asked before it is used; undefined: nothing */
  begin(): string | undefined {
    if (this.#conversationId === null) return undefined;
    this.#pending = { before: this.#sessionId, frames: [] };
    return JSON.stringify(question);
  }

  /** It has ended before it has answered. */
  cancel(): void {
    this.#pending = undefined;
  }

  /** A frame: kept, and then everything that was, once it is known what it belongs to; undefined: it is nothing of ours. */
  take(
    data: unknown,
  ):
    | { readonly state: 'kept' }
    | { readonly state: 'known'; readonly as: Continuation; readonly frames: readonly unknown[] }
    | undefined {
    const event = readEvent(data);
    if (!isReceived(event)) return this.#keep(data);
    if (event.type === 'session.created') this.#sessionId = event.session?.id ?? null;
    if (event.type === 'conversation.created') this.#conversationId = event.conversation?.id ?? null;
    const kept = this.#keep(data);
    const answered =
      event.type === 'session.updated' ||
      (event.type === 'error' && event.error?.event_id === question.event_id);
    if (!kept || !answered || !this.#pending) return kept;
    const { before, frames } = this.#pending;
    this.#pending = undefined;
    return { state: 'known', as: before === this.#sessionId ? 'resumed' : 'new', frames };
  }

  #keep(data: unknown): { readonly state: 'kept' } | undefined {
    this.#pending?.frames.push(data);
    return this.#pending && { state: 'kept' };
  }
}
