// What a client knows of a conversation from the events alone. Whatever the promised order of events does not allow
// is an error here.
import assert from 'node:assert/strict';
import type { Item } from '../../../src/wire/items.ts';
import type { ServerEvent } from '../../../src/wire/server-events.ts';

export type SentEvent = Exclude<ServerEvent, { type: `greenroom.${string}` }> & { readonly event_id: string };

interface SeenResponse {
  readonly id: string;
  readonly item: string | null;
  readonly items: readonly string[];
  /** One letter for each event of its own: the grammar below is over these. */
  readonly order: string;
  readonly text: string;
}

/**
 * created, (item, added, part, deltas, dones, part done, item done, done) for a message or (item, added, arguments, item
 * done, done) for a call, response done.
 */
const responseOrder = /^C(IA(?:P[dt]*(?:ut|x)p|f?g)i(?:D|))*R$/;
/** The same without anything that is added to a conversation. */
const asideOrder = /^C(I(?:P[dt]*(?:ut|x)p|f?g)i)*R$/;

const letters: Readonly<Record<string, string>> = {
  'response.output_item.added': 'I',
  'response.content_part.added': 'P',
  'response.output_audio.delta': 'd',
  'response.output_audio_transcript.delta': 't',
  'response.output_text.delta': 't',
  'response.output_audio.done': 'u',
  'response.output_audio_transcript.done': 't',
  'response.output_text.done': 'x',
  'response.function_call_arguments.delta': 'f',
  'response.function_call_arguments.done': 'g',
  'response.content_part.done': 'p',
  'response.output_item.done': 'i',
};

export class Replica {
  /** In the order that `previous_item_id` gives. Null: shortened, to be retrieved before it is known again. */
  items: { readonly id: string; item: Item | null }[] = [];
  response: SeenResponse | null = null;
  /** Those outside the conversation: their items are in no conversation. */
  readonly asides = new Map<string, SeenResponse>();
  /** The item that the speech under way will be. */
  speaking: string | null = null;
  readonly #ended = new Set<string>();
  readonly #announced = new Set<string>();
  #committed: string | null = null;
  #silent: string | null = null;

  get ids(): string[] {
    return this.items.map(({ id }) => id);
  }

  receive(event: SentEvent): void {
    if (this.#committed) {
      assert.equal(event.type, 'conversation.item.added', 'a committed buffer becomes an item at once');
    }
    switch (event.type) {
      case 'conversation.item.added':
        return this.#added(event.item, event.previous_item_id);
      case 'conversation.item.done':
        return this.#done(event.item, event.previous_item_id);
      case 'conversation.item.deleted':
        assert.ok(this.ids.includes(event.item_id));
        this.items = this.items.filter(({ id }) => id !== event.item_id);
        return;
      case 'conversation.item.truncated':
        this.#entry(event.item_id).item = null;
        return;
      case 'conversation.item.retrieved':
        this.#entry(event.item.id).item = event.item;
        return;
      case 'input_audio_buffer.speech_started':
        assert.equal(this.speaking, null, 'speech starts when none is under way');
        this.#announce(event.item_id);
        this.speaking = event.item_id;
        return;
      case 'input_audio_buffer.speech_stopped':
        assert.equal(event.item_id, this.speaking);
        return;
      case 'input_audio_buffer.committed':
        if (this.speaking) assert.equal(event.item_id, this.speaking);
        else this.#announce(event.item_id);
        if (this.#silent) assert.equal(event.item_id, this.#silent, 'the silence is committed at once');
        this.#silent = null;
        assert.equal(event.previous_item_id, this.ids.at(-1) ?? null);
        this.speaking = null;
        this.#committed = event.item_id;
        return;
      case 'input_audio_buffer.cleared':
        this.speaking = null;
        return;
      case 'session.updated':
        if (event.session.audio.input.turn_detection === null) this.speaking = null;
        return;
      case 'conversation.item.input_audio_transcription.delta':
        assert.notEqual(event.delta, '');
        assert.equal(this.#spoken(event.item_id, event.content_index), null, 'not after its end');
        return;
      case 'conversation.item.input_audio_transcription.failed':
        assert.equal(this.#spoken(event.item_id, event.content_index), null, 'not after its end');
        return;
      case 'conversation.item.input_audio_transcription.completed': {
        assert.equal(this.#spoken(event.item_id, event.content_index), null, 'heard once');
        const entry = this.#entry(event.item_id);
        const { item } = entry;
        assert.ok(item?.type === 'message');
        const part = { type: 'input_audio', transcript: event.transcript } as const;
        entry.item = { ...item, content: item.content.with(event.content_index, part) };
        return;
      }
      case 'response.created':
        return this.#responseCreated(event.response.id, event.response);
      case 'response.done':
        return this.#responseDone(event);
      case 'input_audio_buffer.timeout_triggered':
        assert.equal(this.speaking, null, 'nobody is idle who speaks');
        this.#silent = event.item_id;
        return;
      case 'session.created':
      case 'transcription_session.updated':
      case 'conversation.created':
      case 'error':
        return;
      default:
        return this.#content(event);
    }
  }

  #content(event: Extract<SentEvent, { response_id: string }>): void {
    assert.ok(!this.#ended.has(event.response_id), 'nothing comes after the terminal');
    const aside = this.asides.get(event.response_id);
    const response = aside ?? this.response;
    assert.ok(response, `${event.type} without a response`);
    assert.equal(event.response_id, response.id);
    const item = 'item' in event ? event.item.id : event.item_id;
    const begins = event.type === 'response.output_item.added';
    if (response.item && !begins) assert.equal(item, response.item);
    const items = begins ? [...response.items, item] : response.items;
    assert.equal(event.output_index, items.indexOf(item));
    const spoken = 'delta' in event && event.type !== 'response.output_audio.delta' ? event.delta : '';
    const text = (begins ? '' : response.text) + spoken;
    const changed = { ...response, item, items, text, order: response.order + letters[event.type] };
    if (aside) this.asides.set(aside.id, changed);
    else this.response = changed;
    if ('delta' in event) assert.notEqual(event.delta, '');
    if (event.type === 'response.output_text.done') assert.equal(event.text, text);
    if (event.type === 'response.output_audio_transcript.done') assert.equal(event.transcript, text);
    if (event.type === 'response.content_part.done')
      assert.equal('text' in event.part ? event.part.text : event.part.transcript, text);
  }

  #responseDone({ response }: Extract<SentEvent, { type: 'response.created' | 'response.done' }>): void {
    const aside = this.asides.get(response.id);
    const seen = aside ?? this.response;
    assert.equal(response.id, seen?.id);
    assert.notEqual(response.status, 'in_progress');
    assert.match(`${seen?.order}R`, aside ? asideOrder : responseOrder);
    assert.deepEqual(
      response.output.map(({ id }) => id),
      seen?.items,
    );
    this.#ended.add(response.id);
    if (aside) this.asides.delete(response.id);
    else this.response = null;
  }

  #responseCreated(id: string, response: Extract<SentEvent, { response: object }>['response']): void {
    assert.equal(response.status, 'in_progress');
    this.#announce(id);
    const seen = { id, item: null, items: [], order: 'C', text: '' };
    if (response.conversation_id === null) return void this.asides.set(id, seen);
    assert.equal(this.response, null, 'one response of the conversation at a time');
    this.response = seen;
  }

  #added(item: Item, previous: string | null): void {
    assert.ok(!this.ids.includes(item.id), `${item.id} is there already`);
    if (this.#committed) assert.equal(item.id, this.#committed);
    this.#committed = null;
    const index = previous === null ? 0 : this.ids.indexOf(previous) + 1;
    assert.ok(previous === null || index > 0, `previous_item_id ${previous} is not known`);
    this.items.splice(index, 0, { id: item.id, item });
    if (item.id === this.response?.item) {
      this.#announce(item.id);
      assert.equal(item.status, 'in_progress');
      this.response = { ...this.response, order: `${this.response.order}A` };
    }
  }

  #done(item: Item, previous: string | null): void {
    const index = this.ids.indexOf(item.id);
    assert.ok(index >= 0, `${item.id} is done and was not added`);
    assert.equal(previous, this.ids[index - 1] ?? null);
    assert.notEqual(item.status, 'in_progress');
    this.#entry(item.id).item = item;
    if (item.id === this.response?.item) {
      this.response = { ...this.response, order: `${this.response.order}D` };
    }
  }

  /** What is known of what was said in a part of an item. */
  #spoken(id: string, part: number): string | null {
    const { item } = this.#entry(id);
    const content = item?.type === 'message' ? item.content[part] : undefined;
    assert.equal(content?.type, 'input_audio');
    return content?.type === 'input_audio' ? content.transcript : null;
  }

  #entry(id: string): { item: Item | null } {
    const entry = this.items.find((known) => known.id === id);
    assert.ok(entry, `${id} is not known`);
    return entry;
  }

  /** Ids that the gateway gives are new each time. */
  #announce(id: string): void {
    assert.ok(!this.#announced.has(id), `${id} was given before`);
    this.#announced.add(id);
  }
}
