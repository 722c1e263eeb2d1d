// An OpenAI Realtime server without a socket: enforces the rules that clients trip over, and tells apart who broke one
// and who only met a race.
import { type JsonObject, numberAt, objectAt, textAt } from '../../wire/json.ts';
import { Ledger, type Said } from './ledger.ts';
import { type HeldItem, lastIdOf, type ResponseKind, Responses } from './responses.ts';

export class UpstreamModel {
  readonly received: JsonObject[] = [];
  readonly items = new Map<string, HeldItem>();
  /** How it answers. */
  readonly answers: Responses;
  session: JsonObject;
  readonly #ledger = new Ledger();
  #opened: 'no' | 'yes' = 'no';
  #bufferBytes = 0;
  /** Since the client's own last commit or clear. */
  #appended = 0;
  #never = new Set<string>();

  constructor(session: JsonObject = {}) {
    this.session = {
      ...{
        type: 'realtime',
        object: 'realtime.session',
        id: 'sess_up',
        model: 'up-1',
        instructions: 'Be nice.',
      },
      ...{ tools: [], output_modalities: ['audio'] },
      audio: {
        input: {
          format: { type: 'audio/pcm', rate: 24000 },
          turn_detection: { type: 'server_vad', create_response: true, interrupt_response: true },
        },
        output: { format: { type: 'audio/pcm', rate: 24000 }, voice: 'marin', speed: 1 },
      },
      ...session,
    };
    this.answers = new Responses(this.#ledger, this);
  }

  /** What the next responses are made of. */
  get kind(): ResponseKind {
    return this.answers.kind;
  }

  set kind(kind: ResponseKind) {
    this.answers.kind = kind;
  }

  get voices(): readonly string[] | undefined {
    return this.answers.voices;
  }

  set voices(voices: readonly string[] | undefined) {
    this.answers.voices = voices;
  }

  get echoes(): boolean {
    return this.answers.echoes;
  }

  set echoes(echoes: boolean) {
    this.answers.echoes = echoes;
  }

  get responses(): Responses['all'] {
    return this.answers.all;
  }

  get violations(): readonly string[] {
    return this.#ledger.violations;
  }

  get races(): readonly string[] {
    return this.#ledger.races;
  }

  /** Said, and not taken yet by whoever carries it. */
  get out(): Ledger['out'] {
    return this.#ledger.out;
  }

  /** For a rule that is of the connection, not of an event. */
  violate(what: string): void {
    this.#ledger.violate(what);
  }

  open(): void {
    this.#opened = 'yes';
    this.#ledger.say({ type: 'session.created', session: this.session });
    this.#ledger.say({
      type: 'conversation.created',
      conversation: { id: 'conv_up', object: 'realtime.conversation' },
    });
  }

  /** `seen`: the number of the last event that the sender had heard. */
  receive(event: JsonObject, seen: number): void {
    this.received.push(event);
    if (this.#opened === 'no') this.#ledger.violate(`${String(event['type'])} before session.created`);
    switch (event['type']) {
      case 'session.update':
        return this.#update(event, seen);
      case 'response.create':
        return this.answers.create(event, seen);
      case 'response.cancel':
        return this.answers.cancel(event, seen);
      case 'conversation.item.create':
        return this.#createItem(event);
      case 'conversation.item.retrieve': {
        const held = this.#held(event, 'retrieve');
        if (held) this.#ledger.say({ type: 'conversation.item.retrieved', item: held.item });
        return;
      }
      case 'conversation.item.delete': {
        const held = this.#held(event, 'delete');
        if (!held) return;
        this.items.delete(String(event['item_id']));
        return this.#ledger.say({ type: 'conversation.item.deleted', item_id: event['item_id'] });
      }
      case 'conversation.item.truncate':
        return this.#truncate(event);
      case 'input_audio_buffer.append': {
        const bytes = Buffer.from(textAt(event, 'audio') ?? '', 'base64').length;
        this.#bufferBytes += bytes;
        this.#appended += bytes;
        return;
      }
      case 'input_audio_buffer.commit':
        return this.#commit(event);
      case 'input_audio_buffer.clear':
        this.#bufferBytes = 0;
        this.#appended = 0;
        return this.#ledger.say({ type: 'input_audio_buffer.cleared' });
      default:
        return this.#refuse(event, 'invalid_value', `no event is called ${String(event['type'])}`);
    }
  }

  /** A turn that voice activity detection has heard; the response under way is interrupted. */
  speak(): void {
    const detection = objectAt(this.session, 'audio', 'input', 'turn_detection');
    if (!detection || this.#bufferBytes === 0) return;
    const itemId = this.#ledger.id('item');
    const { active } = this.answers;
    this.#ledger.say({ type: 'input_audio_buffer.speech_started', item_id: itemId, audio_start_ms: 0 });
    if (active && detection['interrupt_response'] !== false)
      this.answers.end(active, 'cancelled', 'turn_detected');
    this.#ledger.say({ type: 'input_audio_buffer.speech_stopped', item_id: itemId, audio_end_ms: 500 });
    this.#commitAs(itemId);
    this.#ledger.say({
      type: 'conversation.item.input_audio_transcription.completed',
      item_id: itemId,
      content_index: 0,
      transcript: 'words',
    });
    if (detection['create_response'] !== false && !this.answers.active) this.answers.begin('vad', {}, false);
  }

  /** The response under way goes on by one stage; true when there was one. */
  step(aside = false): boolean {
    const response = this.answers.all.find((each) => each.aside === aside);
    if (!response) return false;
    this.answers.stage(response);
    return true;
  }

  error(code: string, message: string): void {
    this.#ledger.say({
      type: 'error',
      error: { type: 'server_error', code, message, param: null, event_id: null },
    });
  }

  say(event: Said): void {
    this.#ledger.say(event);
  }

  #update(event: JsonObject, seen: number): void {
    const given = objectAt(event, 'session') ?? {};
    for (const key of ['id', 'model', 'object', 'expires_at'])
      if (Object.hasOwn(given, key)) this.#ledger.violate(`session.update says ${key}`);
    const voice = objectAt(given, 'audio', 'output')?.['voice'];
    if (voice !== undefined && this.answers.refusesVoice(event, seen)) return;
    const { audio, ...plain } = given;
    const mine = objectAt(this.session, 'audio') ?? {};
    const side = (name: string) => ({ ...objectAt(mine, name), ...objectAt(audio, name) });
    this.session = { ...this.session, ...plain, audio: { input: side('input'), output: side('output') } };
    this.#ledger.say({ type: 'session.updated', session: this.session });
  }

  #createItem(event: JsonObject): void {
    const given = objectAt(event, 'item') ?? {};
    const id = textAt(given, 'id') ?? this.#ledger.id('item');
    const previous = textAt(event, 'previous_item_id');
    if (
      previous !== undefined &&
      previous !== 'root' &&
      !this.items.has(previous) &&
      !this.#never.has(previous)
    ) {
      this.#ledger.violate(`an item after ${previous}, which is unknown`);
      return this.#refuse(event, 'invalid_value', `no item ${previous}`);
    }
    if (this.items.has(id)) {
      this.#refuse(event, 'item_create_duplicate_item_id', `there is an item ${id}`);
      return;
    }
    this.#add({ ...given, id, object: 'realtime.item', status: 'completed' }, previous);
  }

  #held(event: JsonObject, verb: string): HeldItem | undefined {
    const id = String(event['item_id']);
    const held = this.items.get(id);
    if (held) return held;
    if (!this.#never.has(id)) this.#ledger.violate(`${verb} of ${id}, which is unknown`);
    this.#refuse(event, `item_${verb}_invalid_item_id`, `Item with item_id '${id}' not found.`);
    return undefined;
  }

  #truncate(event: JsonObject): void {
    const held = this.#held(event, 'truncate');
    if (!held) return;
    const endMs = numberAt(event, 'audio_end_ms') ?? 0;
    if (held.item['role'] !== 'assistant' || held.audioMs === 0) {
      this.#ledger.violate('truncate of what is not spoken');
      return this.#refuse(
        event,
        'unsupported_content_type',
        'Only model output audio messages can be truncated',
      );
    }
    if (endMs > held.audioMs) {
      this.#ledger.violate(`truncate at ${endMs} of ${held.audioMs} ms`);
      return this.#refuse(
        event,
        'invalid_value',
        `Audio content of ${held.audioMs}ms is already shorter than ${endMs}ms`,
      );
    }
    held.audioMs = endMs;
    this.#ledger.say({
      type: 'conversation.item.truncated',
      item_id: event['item_id'],
      content_index: 0,
      audio_end_ms: endMs,
    });
  }

  #commit(event: JsonObject): void {
    if (this.#bufferBytes === 0) {
      if (this.#appended === 0) this.#ledger.violate('commit of an empty buffer');
      else this.#ledger.races.push('commit of a buffer that was taken');
      this.#appended = 0;
      return this.#refuse(event, 'input_audio_buffer_commit_empty', 'buffer too small');
    }
    this.#appended = 0;
    this.#commitAs(this.#ledger.id('item'));
  }

  #commitAs(id: string): void {
    this.#bufferBytes = 0;
    this.#ledger.say({ type: 'input_audio_buffer.committed', item_id: id, previous_item_id: lastIdOf(this) });
    const content = [{ type: 'input_audio', transcript: null }];
    this.#add({ id, object: 'realtime.item', type: 'message', status: 'completed', role: 'user', content });
  }

  #add(item: JsonObject, previous: string | undefined = undefined): void {
    const previousId = previous === 'root' ? null : (previous ?? lastIdOf(this));
    this.items.set(String(item['id']), { item, audioMs: 0 });
    this.#ledger.say({ type: 'conversation.item.added', previous_item_id: previousId, item });
    this.#ledger.say({ type: 'conversation.item.done', previous_item_id: previousId, item });
  }

  #refuse(event: JsonObject, code: string, message: string): void {
    const id = textAt(objectAt(event, 'item'), 'id');
    if (id !== undefined && !this.items.has(id)) this.#never.add(id);
    this.#ledger.refuse(event, code, message);
  }
}
