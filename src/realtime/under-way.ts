// The responses under way: the one of the conversation, and those beside it. Whoever changes one says which by its id.
import type { ActiveResponse, Conversation, Draft } from './state.ts';

/** Late output of a response that has ended finds none: it must never reach another one. */
export function underWay({ response, asides }: Conversation, responseId: string): ActiveResponse | undefined {
  if (response?.object.id === responseId) return response;
  return asides.find(({ object }) => object.id === responseId);
}

/** The same response, further on; or one that has begun. */
export function keepUnderWay(draft: Draft, changed: ActiveResponse): void {
  if (changed.conversation === 'auto') return draft.set({ response: changed });
  const { asides } = draft.state;
  const at = asides.findIndex(({ object }) => object.id === changed.object.id);
  draft.set({ asides: at < 0 ? [...asides, changed] : asides.with(at, changed) });
}

export function dropUnderWay(draft: Draft, ended: ActiveResponse): void {
  if (ended.conversation === 'auto') return draft.set({ response: null });
  const { asides } = draft.state;
  draft.set({ asides: asides.filter(({ object }) => object.id !== ended.object.id) });
}
