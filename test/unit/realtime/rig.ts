// Drives a conversation as a session does, and watches every step: the client's replica, the shell and the state must
// agree, every event must be one that the SDK understands, every client event must be answered once.
import assert from 'node:assert/strict';
import { base64ToPcm, pcmToBase64 } from '../../../src/audio/pcm.ts';
import type { SentChunk } from '../../../src/realtime/chunks.ts';
import { next, open } from '../../../src/realtime/conversation.ts';
import type { Conversation, ConversationInput, Effect } from '../../../src/realtime/state.ts';
import { parseClientEvent } from '../../../src/wire/client-events.ts';
import type { IdPrefix, NewId } from '../../../src/wire/ids.ts';
import { type Abilities, everyAbility, initialSession } from '../../../src/wire/session-config.ts';
import { whyNotUnderstood } from '../wire/agents-schema.ts';
import { Replica, type SentEvent } from './replica.ts';
import { ShellModel } from './shell.ts';

type ClientInput = Extract<ConversationInput, { type: 'client' }>;
/** The event of one type, also where several types share a shape. */
export type Sent<T extends SentEvent['type']> = SentEvent extends infer E
  ? E extends { readonly type: infer U }
    ? T extends U
      ? E & { readonly type: T }
      : never
    : never
  : never;

/** Of a pipeline that can do so much. */
export function sessionWith(abilities: Abilities) {
  return initialSession({
    ...{ id: 'sess_test', model: 'echo', voice: 'slt', instructions: '', expiresAt: 1_800_000_000 },
    ...{ abilities, transcription: abilities.hears === 'words' ? { model: 'ears' } : null },
  });
}

export const session = sessionWith(everyAbility);

export const wordsAndSpeech: Abilities = { hears: 'words', answers: 'speech' };

export const samplesPerMs = 24;

/** Ids that count: `item_1`, `resp_2`. */
export function countingIds(): NewId {
  let count = 0;
  return (prefix: IdPrefix) => `${prefix}_${(count += 1)}`;
}

export class Rig {
  state: Conversation;
  readonly events: SentEvent[] = [];
  readonly effects: Effect[] = [];
  readonly inputs: ConversationInput[] = [];
  readonly replica = new Replica();
  readonly shell = new ShellModel();
  readonly #newId = countingIds();
  readonly #asked = new Set<string>();
  /** Of these, those whose response does not say so in its metadata. */
  readonly #plain = new Set<string>();
  /** `response.create`s that have been answered neither by a response nor by an error. */
  readonly unanswered = new Set<string>();

  constructor(abilities: Abilities = everyAbility) {
    const opened = open(sessionWith(abilities), 'conv_test', this.#newId, abilities);
    this.state = opened.state;
    this.#perform(opened.effects, null);
    this.#agree();
  }

  /** @returns the events of these inputs */
  feed(...inputs: ConversationInput[]): SentEvent[] {
    const before = this.events.length;
    for (const input of inputs) this.#step(input);
    return this.events.slice(before);
  }

  /** As it would come over the wire. */
  client(event: { readonly type: string; readonly [key: string]: unknown }): SentEvent[] {
    const parsed = parseClientEvent(JSON.stringify(event));
    if (parsed.state === 'refused') return this.feed({ type: 'refused', error: parsed.error });
    if (parsed.event.type !== 'input_audio_buffer.append')
      return this.feed({ type: 'client', event: parsed.event, audio: audioIn(parsed.event) });
    return this.feed({
      type: 'audio_appended',
      samples: Buffer.from(parsed.event.audio, 'base64').length >> 1,
    });
  }

  ready(): this {
    this.feed({ type: 'ready' });
    return this;
  }

  append(ms: number): void {
    this.feed({ type: 'audio_appended', samples: ms * samplesPerMs });
  }

  /** Speech from here on for so long, with its turn's end. */
  speak(ms: number): SentEvent[] {
    const at = this.state.input.endSample;
    const { length } = this.events;
    this.append(ms);
    this.feed({ type: 'speech_started', atSample: at });
    this.feed({ type: 'speech_stopped', atSample: at + ms * samplesPerMs });
    return this.events.slice(length);
  }

  say(text: string, id?: string): SentEvent[] {
    const content = [{ type: 'input_text', text }];
    return this.client({
      type: 'conversation.item.create',
      item: { ...(id && { id }), type: 'message', role: 'user', content },
    });
  }

  output(chunk: SentChunk | string | number): SentEvent[] {
    return this.feed({ type: 'output', responseId: this.responseId, chunk: chunkOf(chunk) });
  }

  end(): SentEvent[] {
    return this.feed({ type: 'output_ended', responseId: this.responseId });
  }

  /** What is being written down, or an item that is not there. */
  get hearing(): string {
    const asked = [...this.state.unheard].find(([, { state }]) => state === 'asked');
    return asked?.[0] ?? 'item_none';
  }

  heard(text: string): SentEvent[] {
    return this.feed({ type: 'transcript_ended', itemId: this.hearing, text, samples: 2400 });
  }

  unheard(code = 'engine_exited'): SentEvent[] {
    return this.feed({ type: 'transcript_failed', itemId: this.hearing, code, message: 'it is gone' });
  }

  get responseId(): string {
    return this.state.response?.object.id ?? 'resp_none';
  }

  /** Of the last that has begun outside the conversation. */
  get asideId(): string {
    return this.state.asides.at(-1)?.object.id ?? 'resp_none';
  }

  get itemIds(): string[] {
    return this.state.items.map(({ id }) => id);
  }

  last<T extends SentEvent['type']>(type: T): Sent<T> {
    const found = this.events.findLast((event) => event.type === type);
    assert.ok(found, `no ${type} was sent`);
    return found as Sent<T>;
  }

  #step(input: ConversationInput): void {
    this.inputs.push(input);
    this.shell.given(input);
    const before = this.state;
    const step = next(before, input, this.#newId);
    this.state = step.state;
    const sent = this.#perform(step.effects, input);
    if (input.type === 'client') this.#answered(input, sent);
    this.#answersOf(sent);
    this.#agree();
    assertLegal(before, this.state);
  }

  #perform(effects: readonly Effect[], input: ConversationInput | null): SentEvent[] {
    const sent: SentEvent[] = [];
    for (const effect of effects) {
      this.effects.push(effect);
      this.shell.perform(effect, input);
      const event =
        effect.type === 'send_retrieved'
          ? ({ type: 'conversation.item.retrieved', item: effect.item } as const)
          : effect.type === 'send' && effect.event;
      if (!event) continue;
      const framed = { event_id: this.#newId('event'), ...event } as SentEvent;
      if (!unknownToSdk.includes(framed.type)) assert.equal(whyNotUnderstood(framed as never), null);
      this.replica.receive(framed);
      sent.push(framed);
    }
    this.events.push(...sent);
    return sent;
  }

  /** Every client event is answered in its step, once; a `response.create` may be answered later. */
  #answered({ event }: ClientInput, sent: readonly SentEvent[]): void {
    const errors = sent.filter((one) => one.type === 'error');
    if (event.event_id) {
      for (const { error } of errors) assert.equal(error.event_id, event.event_id);
    }
    if (event.type === 'response.create') {
      if (!event.event_id) return;
      assert.ok(!this.#asked.has(event.event_id), 'tests give each event an id of its own');
      this.#asked.add(event.event_id);
      if (!event.response?.metadata?.['ask']) this.#plain.add(event.event_id);
      this.unanswered.add(event.event_id);
      return;
    }
    const answer = answers[event.type];
    // What waited for the one that is cancelled may begin, and fail, in the same step.
    const good = sent.filter(
      (one) => one.type === answer && (one.type !== 'response.done' || one.response.status === 'cancelled'),
    );
    assert.equal(good.length + errors.length, 1, `${event.type}: ${sent.map(({ type }) => type)}`);
  }

  #answersOf(sent: readonly SentEvent[]): void {
    for (const event of sent) {
      const asked =
        event.type === 'response.created'
          ? (event.response.metadata?.['ask'] ?? this.#onlyAsked())
          : event.type === 'error' && event.error.event_id;
      if (asked && this.#asked.has(asked))
        assert.ok(this.unanswered.delete(asked), `${asked} answered twice`);
    }
    const { waiting, waitingAsides } = this.state;
    const wait = [waiting, ...waitingAsides].map((one) => one?.eventId);
    for (const asked of this.unanswered) assert.ok(wait.includes(asked), `${asked} is forgotten`);
  }

  /** Who is answered by a response that does not say so in its metadata. */
  #onlyAsked(): string | undefined {
    const { waiting, waitingAsides } = this.state;
    const wait = [waiting, ...waitingAsides].map((one) => one?.eventId);
    return [...this.unanswered].find((asked) => this.#plain.has(asked) && !wait.includes(asked));
  }

  #agree(): void {
    assert.equal(this.state.itemChars, charsIn(this.state.items));
    const { replica, state } = this;
    this.shell.agrees(state);
    assert.deepEqual(replica.ids, this.itemIds);
    for (const [index, { item }] of replica.items.entries()) {
      if (item) assert.deepEqual(item, state.items[index]);
    }
    assert.equal(replica.response?.id ?? null, state.response?.object.id ?? null);
    assert.deepEqual(
      [...replica.asides.keys()],
      state.asides.map(({ object }) => object.id),
    );
    assert.equal(replica.speaking, state.input.turn?.itemId ?? null);
    assertConsistent(state);
  }
}

/** Sent only to those who ask for it: by `idle_timeout_ms`, by an event of the beta. */
const unknownToSdk = ['input_audio_buffer.timeout_triggered', 'transcription_session.updated'];

const answers: Readonly<Record<Exclude<ClientInput['event']['type'], 'response.create'>, string>> = {
  'session.update': 'session.updated',
  'transcription_session.update': 'transcription_session.updated',
  'input_audio_buffer.commit': 'input_audio_buffer.committed',
  'input_audio_buffer.clear': 'input_audio_buffer.cleared',
  'conversation.item.create': 'conversation.item.added',
  'conversation.item.retrieve': 'conversation.item.retrieved',
  'conversation.item.delete': 'conversation.item.deleted',
  'conversation.item.truncate': 'conversation.item.truncated',
  'response.cancel': 'response.done',
  'output_audio_buffer.clear': 'never',
};

/** As the shell decodes it. */
function audioIn(event: ClientInput['event']): Int16Array | undefined {
  if (event.type !== 'conversation.item.create' || event.item.type !== 'message') return undefined;
  const [part] = event.item.content.filter(({ type }) => type === 'input_audio');
  return part && 'audio' in part && part.audio ? base64ToPcm(part.audio) : undefined;
}

/** `pcm` as it is sent in the format that a session has by itself. */
export function audioChunk(pcm: Int16Array): SentChunk {
  return { type: 'audio', audio: pcmToBase64(pcm), samples: pcm.length };
}

function chunkOf(chunk: SentChunk | string | number): SentChunk {
  if (typeof chunk === 'string') return { type: 'text', text: chunk };
  // A number is ms of audio.
  if (typeof chunk === 'number') return audioChunk(new Int16Array(chunk * samplesPerMs).fill(1));
  return chunk;
}

function assertConsistent(state: Conversation): void {
  const { items, input, response, waiting, internal, phase, spoken, unheard, asides, waitingAsides } = state;
  const ids = new Set(items.map(({ id }) => id));
  assert.equal(ids.size, items.length);
  assert.ok(input.startSample <= input.endSample);
  for (const [id, { samples }] of spoken) assert.ok(ids.has(id) && Number.isInteger(samples));
  if (response?.afterItemId) assert.ok(ids.has(response.afterItemId));
  const besides = asides.length + waitingAsides.length;
  if (phase === 'failed') assert.ok(!response && !waiting && besides + internal.length === 0);
  assert.ok(besides <= 4);
  if (state.idleMs !== null) assert.ok(phase === 'ready' && !response && !waiting && !input.turn);
  const hearing = [...unheard].filter(([, { state }]) => state !== 'failed');
  if (phase === 'ready' && waiting && !response)
    assert.ok(hearing.length > 0 || (waiting.origin === 'turn' && input.turn));
  if (phase === 'ready' && internal.length > 0)
    assert.ok(response || waiting || input.turn || hearing.length > 0);
  if (phase === 'ready' && waitingAsides.length > 0) assert.ok(hearing.length > 0);
  if (phase === 'ready' && hearing.length > 0)
    assert.equal(hearing.filter(([, { state }]) => state === 'asked').length, 1);
  for (const id of unheard.keys()) assert.ok(ids.has(id));
}

function assertLegal(before: Conversation, after: Conversation): void {
  const steps = ['lobby>ready', 'ready>lobby', 'lobby>failed', 'ready>failed'];
  if (before.phase !== after.phase) assert.ok(steps.includes(`${before.phase}>${after.phase}`));
  assert.ok(after.input.endSample >= before.input.endSample);
  assert.ok(after.input.startSample >= before.input.startSample);
}

/** Of the text in items, counted the plain way. */
function charsIn(items: Conversation['items']): number {
  const texts = items.flatMap((item) => {
    if (item.type === 'function_call') return [item.arguments];
    if (item.type === 'function_call_output') return [item.output];
    return item.content.map((part) => ('text' in part ? part.text : (part.transcript ?? '')));
  });
  return texts.join('').length;
}
