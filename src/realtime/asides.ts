// Answers outside the conversation (`conversation: "none"`): a few at once, beside the one in it and whatever the caller
// says meanwhile. What comes of them is told and is no item of the conversation; they end by themselves, by a cancel with
// their id, or with the session.
import type { ClientEventOf } from '../wire/client-schema.ts';
import { failResponse } from './output.ts';
import { requestOf, startNow } from './response.ts';
import type { ActiveResponse, Conversation, Draft, ResponseRequest } from './state.ts';

/** Running or waiting. */
const asidesMax = 4;

export function createAside(draft: Draft, event: ClientEventOf<'response.create'>): void {
  const { asides, waitingAsides } = draft.state;
  if (asides.length + waitingAsides.length >= asidesMax) {
    const ids = asides.map(({ object }) => object.id).join(', ') || 'none has begun';
    const message = `${asidesMax} responses outside the conversation are under way, as many as may be at once (${ids}). Wait for one to be done, or cancel one with its response_id.`;
    return draft.error('too_many_responses', message, {
      param: 'response.conversation',
      eventId: event.event_id,
    });
  }
  const request = requestOf(draft, event);
  if (request) draft.set({ waitingAsides: [...waitingAsides, request] });
}

/** Those whose input is there, once there are engines. */
export function startAsides(draft: Draft): void {
  const { phase, waitingAsides } = draft.state;
  if (phase !== 'ready' || waitingAsides.length === 0) return;
  const hearing = waitingAsides.filter((request) => inputOf(draft.state, request).state === 'hearing');
  draft.set({ waitingAsides: hearing });
  for (const request of waitingAsides) {
    if (!hearing.includes(request)) startNow(draft, request, inputOf(draft.state, request));
  }
}

/** What it is asked with: all of it is written down, is being written down, or could not be. */
export type InputState =
  | { readonly state: 'known' | 'hearing' }
  | { readonly state: 'failed'; readonly code: string; readonly message: string };

/** Of what is referred to; where nothing is, of the whole conversation, which is taken as far as it was heard. */
export function inputOf({ unheard }: Conversation, { input }: ResponseRequest): InputState {
  const of = input?.map(({ item }) => unheard.get(item.id)) ?? [...unheard.values()];
  if (of.some((one) => one && one.state !== 'failed')) return { state: 'hearing' };
  return (input && of.find((one) => one?.state === 'failed')) || { state: 'known' };
}

export function failAsides(draft: Draft, code: string, message: string): void {
  for (const { object } of draft.state.asides) draft.do({ type: 'stop_response', responseId: object.id });
  for (const aside of draft.state.asides) failResponse(draft, aside, code, message);
}

/** They cannot be had: each of their callers' events is told. */
export function failWaitingAsides(draft: Draft, code: string, message: string): void {
  const { waitingAsides } = draft.state;
  draft.set({ waitingAsides: [] });
  for (const { eventId } of waitingAsides) draft.fault(code, message, eventId);
}

export function asideWithId({ asides }: Conversation, responseId: string): ActiveResponse | undefined {
  return asides.find(({ object }) => object.id === responseId);
}
