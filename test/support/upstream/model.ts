// An OpenAI Realtime server without a socket: enforces the rules that clients trip over, and tells apart who broke one
// and who only met a race. What it says has numbers; with each event comes how far its sender had heard by then, and
// nobody is blamed for what they could not know.
import { type JsonObject, numberAt, objectAt, textAt } from '../../../src/wire/json.ts';

export interface Said extends JsonObject {
  readonly type: string;
}

interface HeldItem {
  readonly item: JsonObject;
  audioMs: number;
}

interface Response {
  readonly id: string;
  readonly origin: 'client' | 'vad';
  readonly aside: boolean;
  readonly seq: number;
  readonly metadata: unknown;
  readonly kind: ResponseKind;
  readonly itemId: string;
  readonly tools: readonly JsonObject[];
  stage: number;
}

/** What a response is made of. `call`: of the first tool. */
export type ResponseKind = 'speech' | 'text' | 'call';

/** 100 ms of PCM16 at 24 kHz. */
const audioPiece = Buffer.alloc(4800).toString('base64');
const pieceMs = 100;
const pieces = 3;

export class UpstreamModel {
  /** Rules that were broken knowingly. */
  readonly violations: string[] = [];
  /** Errors that nobody could have helped. */
  readonly races: string[] = [];
  /** Said, and not taken yet by whoever carries it. */
  readonly out: { readonly seq: number; readonly event: Said }[] = [];
  readonly received: JsonObject[] = [];
  readonly items = new Map<string, HeldItem>();
  readonly responses: Response[] = [];
  session: JsonObject;
  kind: ResponseKind = 'speech';
  /** Whether a response shows the metadata it was asked for with. */
  echoes = true;
  #seq = 0;
  #ids = 0;
  #opened: 'no' | 'yes' = 'no';
  #audible: number | null = null;
  #bufferBytes = 0;
  /** Since the client's own last commit or clear. */
  #appended = 0;
  readonly #ended = new Map<string, number>();
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
  }

  /** The conversation's own response that runs. */
  get active(): Response | undefined {
    return this.responses.find(({ aside }) => !aside);
  }

  open(): void {
    this.#opened = 'yes';
    this.#say({ type: 'session.created', session: this.session });
    this.#say({
      type: 'conversation.created',
      conversation: { id: 'conv_up', object: 'realtime.conversation' },
    });
  }

  /** `seen`: the number of the last event that the sender had heard. */
  receive(event: JsonObject, seen: number): void {
    this.received.push(event);
    if (this.#opened === 'no') this.#violate(`${String(event['type'])} before session.created`);
    switch (event['type']) {
      case 'session.update':
        return this.#update(event, seen);
      case 'response.create':
        return this.#create(event, seen);
      case 'response.cancel':
        return this.#cancel(event, seen);
      case 'conversation.item.create':
        return this.#createItem(event);
      case 'conversation.item.retrieve': {
        const held = this.#held(event, 'retrieve');
        if (held) this.#say({ type: 'conversation.item.retrieved', item: held.item });
        return;
      }
      case 'conversation.item.delete': {
        const held = this.#held(event, 'delete');
        if (!held) return;
        this.items.delete(String(event['item_id']));
        return this.#say({ type: 'conversation.item.deleted', item_id: event['item_id'] });
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
        return this.#say({ type: 'input_audio_buffer.cleared' });
      default:
        return this.#refuse(event, 'invalid_value', `no event is called ${String(event['type'])}`);
    }
  }

  /** A turn that voice activity detection has heard; the response under way is interrupted. */
  speak(): void {
    const detection = objectAt(this.session, 'audio', 'input', 'turn_detection');
    if (!detection || this.#bufferBytes === 0) return;
    const itemId = this.#id('item');
    this.#say({ type: 'input_audio_buffer.speech_started', item_id: itemId, audio_start_ms: 0 });
    if (this.active && detection['interrupt_response'] !== false)
      this.#end(this.active, 'cancelled', 'turn_detected');
    this.#say({ type: 'input_audio_buffer.speech_stopped', item_id: itemId, audio_end_ms: 500 });
    this.#commitAs(itemId);
    this.#say({
      type: 'conversation.item.input_audio_transcription.completed',
      item_id: itemId,
      content_index: 0,
      transcript: 'words',
    });
    if (detection['create_response'] !== false && !this.active) this.#begin('vad', {}, false);
  }

  /** The response under way goes on by one stage; true when there was one. */
  step(aside = false): boolean {
    const response = this.responses.find((each) => each.aside === aside);
    if (!response) return false;
    this.#stage(response);
    return true;
  }

  error(code: string, message: string): void {
    this.#say({ type: 'error', error: { type: 'server_error', code, message, param: null, event_id: null } });
  }

  say(event: Said): void {
    this.#say(event);
  }

  #update(event: JsonObject, seen: number): void {
    const given = objectAt(event, 'session') ?? {};
    for (const key of ['id', 'model', 'object', 'expires_at'])
      if (Object.hasOwn(given, key)) this.#violate(`session.update says ${key}`);
    const voice = objectAt(given, 'audio', 'output')?.['voice'];
    if (voice !== undefined && this.#refusesVoice(event, seen)) return;
    const { audio, ...plain } = given;
    const mine = objectAt(this.session, 'audio') ?? {};
    const side = (name: string) => ({ ...objectAt(mine, name), ...objectAt(audio, name) });
    this.session = { ...this.session, ...plain, audio: { input: side('input'), output: side('output') } };
    this.#say({ type: 'session.updated', session: this.session });
  }

  #refusesVoice(event: JsonObject, seen: number): boolean {
    const { active } = this;
    const knew = active && (active.origin === 'client' || active.seq <= seen);
    if (knew) this.#violate('a voice while a response runs');
    if (this.#audible === null) return false;
    if (this.#audible <= seen) this.#violate('a voice after audio');
    else this.races.push('a voice after audio');
    this.#refuse(
      event,
      'cannot_update_voice',
      "Cannot update a conversation's voice if assistant audio is present.",
    );
    return true;
  }

  #create(event: JsonObject, seen: number): void {
    const given = objectAt(event, 'response') ?? {};
    const aside = given['conversation'] === 'none';
    const voice = objectAt(given, 'audio', 'output')?.['voice'];
    if (voice !== undefined && this.#audible !== null && this.#refusesVoice(event, seen)) return;
    const { active } = this;
    if (active && !aside) {
      if (active.origin === 'client' || active.seq <= seen) this.#violate('two responses at once');
      else this.races.push('two responses at once');
      return this.#refuse(
        event,
        'conversation_already_has_active_response',
        `Conversation already has an active response in progress: ${active.id}. Wait until the response is finished before creating a new one.`,
      );
    }
    this.#begin('client', given, aside);
  }

  #cancel(event: JsonObject, seen: number): void {
    const id = textAt(event, 'response_id');
    if (id === undefined) this.#violate('a cancel without an id');
    const response = this.responses.find((each) => each.id === id);
    if (response) return this.#end(response, 'cancelled', 'client_cancelled');
    const endedSeq = this.#ended.get(id ?? '');
    if (endedSeq === undefined || endedSeq <= seen) this.#violate(`a cancel of ${id}, which is not active`);
    else this.races.push('a cancel of what has ended');
    this.#refuse(event, 'response_cancel_not_active', 'Cancellation failed: no active response found');
  }

  #createItem(event: JsonObject): void {
    const given = objectAt(event, 'item') ?? {};
    const id = textAt(given, 'id') ?? this.#id('item');
    const previous = textAt(event, 'previous_item_id');
    if (
      previous !== undefined &&
      previous !== 'root' &&
      !this.items.has(previous) &&
      !this.#never.has(previous)
    ) {
      this.#violate(`an item after ${previous}, which is unknown`);
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
    if (!this.#never.has(id)) this.#violate(`${verb} of ${id}, which is unknown`);
    this.#refuse(event, `item_${verb}_invalid_item_id`, `Item with item_id '${id}' not found.`);
    return undefined;
  }

  #truncate(event: JsonObject): void {
    const held = this.#held(event, 'truncate');
    if (!held) return;
    const endMs = numberAt(event, 'audio_end_ms') ?? 0;
    if (held.item['role'] !== 'assistant' || held.audioMs === 0) {
      this.#violate('truncate of what is not spoken');
      return this.#refuse(
        event,
        'unsupported_content_type',
        'Only model output audio messages can be truncated',
      );
    }
    if (endMs > held.audioMs) {
      this.#violate(`truncate at ${endMs} of ${held.audioMs} ms`);
      return this.#refuse(
        event,
        'invalid_value',
        `Audio content of ${held.audioMs}ms is already shorter than ${endMs}ms`,
      );
    }
    held.audioMs = endMs;
    this.#say({
      type: 'conversation.item.truncated',
      item_id: event['item_id'],
      content_index: 0,
      audio_end_ms: endMs,
    });
  }

  #commit(event: JsonObject): void {
    if (this.#bufferBytes === 0) {
      if (this.#appended === 0) this.#violate('commit of an empty buffer');
      else this.races.push('commit of a buffer that was taken');
      this.#appended = 0;
      return this.#refuse(event, 'input_audio_buffer_commit_empty', 'buffer too small');
    }
    this.#appended = 0;
    this.#commitAs(this.#id('item'));
  }

  #commitAs(id: string): void {
    this.#bufferBytes = 0;
    this.#say({ type: 'input_audio_buffer.committed', item_id: id, previous_item_id: this.#lastId() });
    const content = [{ type: 'input_audio', transcript: null }];
    this.#add({ id, object: 'realtime.item', type: 'message', status: 'completed', role: 'user', content });
  }

  #add(item: JsonObject, previous: string | undefined = undefined): void {
    const previousId = previous === 'root' ? null : (previous ?? this.#lastId());
    this.items.set(String(item['id']), { item, audioMs: 0 });
    this.#say({ type: 'conversation.item.added', previous_item_id: previousId, item });
    this.#say({ type: 'conversation.item.done', previous_item_id: previousId, item });
  }

  #begin(origin: Response['origin'], given: JsonObject, aside: boolean): void {
    const metadata = given['metadata'] ?? null;
    const tools = toolsOf(given['tools'] ?? this.session['tools']);
    const calls = tools.length > 0 && given['tool_choice'] !== 'none';
    const kind = this.kind === 'call' && !calls ? 'text' : this.kind;
    // Who has called goes on to speak.
    if (this.kind === 'call') this.kind = 'text';
    const response: Response = {
      ...{ id: this.#id('resp'), origin, aside, seq: this.#seq + 1, metadata, kind },
      ...{ itemId: this.#id('item'), tools, stage: 0 },
    };
    this.responses.push(response);
    this.#say({ type: 'response.created', response: this.#object(response, 'in_progress', null) });
  }

  #object(response: Response, status: string, details: JsonObject | null): JsonObject {
    const { id, aside, metadata, itemId } = response;
    const output =
      status === 'in_progress' || response.stage === 0 ? [] : [this.#itemOf(response, 'completed')];
    return {
      ...{ object: 'realtime.response', id, conversation_id: aside ? null : 'conv_up', status },
      ...{
        status_details: details,
        output: itemId ? output : [],
        metadata: this.echoes ? metadata : null,
        usage: null,
      },
    };
  }

  #itemOf({ itemId, kind, stage, tools }: Response, status: string): JsonObject {
    const head = { id: itemId, object: 'realtime.item', status };
    if (kind === 'call') {
      const [tool] = tools;
      return {
        ...head,
        type: 'function_call',
        call_id: `call_${itemId}`,
        name: tool?.['name'],
        arguments: '{}',
      };
    }
    const text = 'so '.repeat(Math.max(0, stage - 1)).trim();
    const part =
      kind === 'speech' ? { type: 'output_audio', transcript: text } : { type: 'output_text', text };
    return { ...head, type: 'message', role: 'assistant', content: status === 'in_progress' ? [] : [part] };
  }

  #stage(response: Response): void {
    const { id, itemId, kind, stage, aside } = response;
    response.stage += 1;
    const at = { response_id: id, item_id: itemId, output_index: 0, content_index: 0 };
    if (stage === 0) {
      const item = this.#itemOf(response, 'in_progress');
      this.#say({ type: 'response.output_item.added', response_id: id, output_index: 0, item });
      if (aside) return;
      const previous = this.#lastId();
      this.items.set(itemId, { item, audioMs: 0 });
      return this.#say({ type: 'conversation.item.added', previous_item_id: previous, item });
    }
    if (stage > pieces) return this.#end(response, 'completed', null);
    if (kind === 'call') {
      const { content_index: _, ...call } = at;
      return this.#say({
        type: 'response.function_call_arguments.delta',
        ...call,
        call_id: `call_${itemId}`,
        delta: '{',
      });
    }
    if (kind === 'text') return this.#say({ type: 'response.output_text.delta', ...at, delta: 'so ' });
    this.#say({ type: 'response.output_audio_transcript.delta', ...at, delta: 'so ' });
    if (!aside) this.#audible ??= this.#seq + 1;
    const held = this.items.get(itemId);
    if (held) held.audioMs += pieceMs;
    this.#say({ type: 'response.output_audio.delta', ...at, delta: audioPiece });
  }

  #end(response: Response, status: string, reason: string | null): void {
    this.responses.splice(this.responses.indexOf(response), 1);
    const { id, aside, itemId, stage } = response;
    const item = this.#itemOf(response, status === 'completed' ? 'completed' : 'incomplete');
    if (stage > 0) {
      this.#say({ type: 'response.output_item.done', response_id: id, output_index: 0, item });
      const held = this.items.get(itemId);
      if (held) {
        this.items.set(itemId, { item, audioMs: held.audioMs });
        if (!aside) this.#say({ type: 'conversation.item.done', previous_item_id: null, item });
      }
    }
    this.#ended.set(id, this.#seq + 1);
    const details = reason === null ? null : { type: 'cancelled', reason };
    this.#say({ type: 'response.done', response: this.#object(response, status, details) });
  }

  #lastId(): string | null {
    return [...this.items.keys()].at(-1) ?? null;
  }

  #refuse(event: JsonObject, code: string, message: string): void {
    const item = objectAt(event, 'item');
    const id = textAt(item, 'id');
    if (id !== undefined && !this.items.has(id)) this.#never.add(id);
    const eventId = textAt(event, 'event_id') ?? null;
    this.#say({
      type: 'error',
      error: { type: 'invalid_request_error', code, message, param: null, event_id: eventId },
    });
  }

  #violate(what: string): void {
    this.violations.push(what);
  }

  #id(prefix: string): string {
    this.#ids += 1;
    return `${prefix}_up${this.#ids}`;
  }

  #say(event: JsonObject): void {
    this.#seq += 1;
    const { type, ...rest } = event;
    this.out.push({
      seq: this.#seq,
      event: { type: String(type), event_id: `event_up${this.#seq}`, ...rest },
    });
  }
}

const toolsOf = (tools: unknown): readonly JsonObject[] => (Array.isArray(tools) ? tools : []);
