// The answers that were given while nobody was connected: a session that was resumed tells all its items once more, and
// those that the person has not seen are among them.
import type { ConnectionEvent } from '../../client/events.ts';
import type { Answer } from './answers.ts';

export class MissedAnswers {
  /** Items of the assistant's that were shown, or are. */
  readonly #shown = new Set<string>();

  /** @param underWay whether an answer is being told @returns one that was never told */
  take(event: ConnectionEvent, underWay: boolean): Answer | undefined {
    // Another conversation has other items.
    if (event.type === 'client.state' && event.conversation === 'new') this.#shown.clear();
    if (event.type !== 'conversation.item.done') return undefined;
    const { item } = event;
    if (item.type !== 'message' || item.role !== 'assistant' || this.#shown.has(item.id)) return undefined;
    this.#shown.add(item.id);
    if (underWay) return undefined;
    const said = item.content.map((part) => ('text' in part ? part.text : (part.transcript ?? '')));
    const transcript = said.join('\n');
    if (transcript === '') return undefined;
    return {
      ...{ responseId: '', status: item.status === 'completed' ? 'completed' : 'incomplete', transcript },
      ...{ audioMs: 0, firstAudioMs: null, failure: null },
    };
  }
}
