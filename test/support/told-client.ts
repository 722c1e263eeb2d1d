// What a caller knows, made of nothing but what it is told: its items in order, its answers under way, what is being
// written down. A new session begins with nothing.
export interface Told {
  readonly type: string;
  readonly [key: string]: unknown;
}

export interface ToldItem {
  readonly id: string;
  readonly status: string;
  readonly content?: readonly { readonly [key: string]: unknown }[];
  readonly [key: string]: unknown;
}

export class ToldClient {
  sessionId = '';
  items: ToldItem[] = [];
  /** Whose text was cut, and is not told. */
  readonly cut = new Set<string>();
  /** Of each answer under way, the text of its item. */
  readonly running = new Map<string, string>();
  readonly written = new Map<string, string>();
  turn: string | null = null;
  /** What it was told that makes no sense. */
  readonly oddities: string[] = [];

  hear(event: Told): void {
    const item = event['item'] as ToldItem;
    const itemId = String(event['item_id']);
    const responseId = String(event['response_id'] ?? (event['response'] as { id?: string } | undefined)?.id);
    switch (event.type) {
      case 'session.created':
        return this.#begin(event['session'] as { readonly id: string });
      case 'conversation.item.added':
        return this.#added(item, event['previous_item_id'] as string | null);
      case 'conversation.item.done':
        return this.#replace(item);
      case 'conversation.item.deleted':
        this.items = this.items.filter(({ id }) => id !== itemId);
        return;
      case 'conversation.item.truncated':
        this.cut.add(itemId);
        return;
      case 'conversation.item.input_audio_transcription.delta':
        this.written.set(itemId, (this.written.get(itemId) ?? '') + String(event['delta']));
        return;
      case 'conversation.item.input_audio_transcription.completed':
      case 'conversation.item.input_audio_transcription.failed':
        return this.#transcribed(itemId, event['transcript'] as string | undefined);
      case 'input_audio_buffer.speech_started':
        this.turn = itemId;
        return;
      case 'input_audio_buffer.speech_stopped':
      case 'input_audio_buffer.committed':
      case 'input_audio_buffer.cleared':
        this.turn = null;
        return;
      case 'response.created':
        if (this.running.has(responseId)) this.#odd(`${responseId} was begun twice`);
        this.running.set(responseId, '');
        return;
      case 'response.output_audio_transcript.delta':
      case 'response.output_text.delta':
        if (!this.running.has(responseId)) this.#odd(`a delta of ${responseId}, which is not under way`);
        this.running.set(responseId, (this.running.get(responseId) ?? '') + String(event['delta']));
        return;
      case 'response.output_item.done':
        this.running.set(responseId, '');
        return;
      case 'response.done':
        if (!this.running.delete(responseId)) this.#odd(`${responseId} ended, and was not under way`);
    }
  }

  #begin({ id }: { readonly id: string }): void {
    this.sessionId = id;
    this.items = [];
    this.cut.clear();
    this.running.clear();
    this.written.clear();
    this.turn = null;
  }

  #added(item: ToldItem, previousId: string | null): void {
    if (this.items.some(({ id }) => id === item.id)) this.#odd(`${item.id} was added twice`);
    const at = previousId === null ? 0 : this.items.findIndex(({ id }) => id === previousId) + 1;
    if (previousId !== null && at === 0)
      this.#odd(`${item.id} stands after ${previousId}, which is not there`);
    this.items.splice(at, 0, item);
  }

  #replace(item: ToldItem): void {
    const at = this.items.findIndex(({ id }) => id === item.id);
    if (at === -1) this.#odd(`${item.id} is done, and was not added`);
    else this.items[at] = item;
  }

  #transcribed(itemId: string, transcript: string | undefined): void {
    this.written.delete(itemId);
    if (transcript === undefined) return;
    this.items = this.items.map((item) =>
      item.id === itemId && item.content
        ? { ...item, content: item.content.map((part) => ({ ...part, transcript })) }
        : item,
    );
  }

  #odd(what: string): void {
    this.oddities.push(what);
  }
}
