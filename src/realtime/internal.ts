// What the gateway itself wants said in a conversation: an answer as any other, that waits until nobody speaks and no other
// answer is under way or asked for. It never cancels one. Several are said one after the other.
import type { MessageItem } from '../wire/items.ts';
import { toAnswer } from './hearing.ts';
import { startNow } from './response.ts';
import type { Draft, InternalRequest } from './state.ts';

export function speak(draft: Draft, request: InternalRequest): void {
  draft.set({ internal: [...draft.state.internal, request] });
}

/** It has waited for too long, or nobody wants it any more. No effect once it has begun. */
export function unspeak(draft: Draft, id: string): void {
  draft.set({ internal: draft.state.internal.filter((request) => request.id !== id) });
}

/** The last thing of every step, after what the caller waits for. */
export function startInternal(draft: Draft): void {
  const { internal, waiting, response, phase, input, session } = draft.state;
  const [request, ...rest] = internal;
  if (!request) return;
  // Whoever has a transcription session has no use for an answer, and is shown none.
  if (phase === 'failed' || session.type === 'transcription') return draft.set({ internal: [] });
  if (waiting || response || phase !== 'ready' || input.turn) return;
  if (toAnswer(draft.state).state === 'hearing') return;
  draft.set({ internal: rest });
  const { instructions, voice, metadata } = request;
  startNow(
    draft,
    {
      ...{ eventId: null, origin: 'gateway', conversation: 'auto', input: null },
      ...{ format: null, metadata, voice },
      // It is not asked to do anything but to say this.
      overrides: { instructions, tools: [], tool_choice: 'none' },
    },
    { state: 'known' },
    [promptOf(request)],
  );
}

/** For the model alone; no item of the conversation. */
function promptOf({ id, prompt }: InternalRequest): MessageItem {
  return {
    ...{ id: `prompt_${id}`, object: 'realtime.item', type: 'message', status: 'completed', role: 'user' },
    content: [{ type: 'input_text', text: prompt }],
  };
}
