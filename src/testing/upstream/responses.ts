// The responses of a scripted upstream: one at a time in the conversation, any number beside it, each in stages.
import { type JsonObject, objectAt, textAt } from '../../wire/json.ts';
import type { Ledger } from './ledger.ts';

export interface HeldItem {
  readonly item: JsonObject;
  audioMs: number;
}

/** What responses are made from, and go into. */
export interface UpstreamConversation {
  readonly session: JsonObject;
  readonly items: Map<string, HeldItem>;
}

export interface Response {
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

export class Responses {
  /** Those that run. */
  readonly all: Response[] = [];
  kind: ResponseKind = 'speech';
  /** Those that there are; undefined: any. */
  voices: readonly string[] | undefined;
  /** Whether a response shows the metadata it was asked for with. */
  echoes = true;
  readonly #ledger: Ledger;
  readonly #conversation: UpstreamConversation;
  #audible: number | null = null;
  readonly #ended = new Map<string, number>();

  constructor(ledger: Ledger, conversation: UpstreamConversation) {
    this.#ledger = ledger;
    this.#conversation = conversation;
  }

  /** The conversation's own that runs. */
  get active(): Response | undefined {
    return this.all.find(({ aside }) => !aside);
  }

  refusesVoice(event: JsonObject, seen: number): boolean {
    const { active } = this;
    const knew = active && (active.origin === 'client' || active.seq <= seen);
    if (knew) this.#ledger.violate('a voice while a response runs');
    if (this.#audible === null) return false;
    if (this.#audible <= seen) this.#ledger.violate('a voice after audio');
    else this.#ledger.races.push('a voice after audio');
    this.#ledger.refuse(
      event,
      'cannot_update_voice',
      "Cannot update a conversation's voice if assistant audio is present.",
    );
    return true;
  }

  create(event: JsonObject, seen: number): void {
    const given = objectAt(event, 'response') ?? {};
    const aside = given['conversation'] === 'none';
    const voice = objectAt(given, 'audio', 'output')?.['voice'];
    if (voice !== undefined && this.#audible !== null && this.refusesVoice(event, seen)) return;
    if (voice !== undefined && this.voices?.includes(String(voice)) === false)
      return this.#ledger.refuse(
        event,
        'invalid_value',
        `Invalid value: '${voice}'. Supported voices: ${this.voices}.`,
      );
    const { active } = this;
    if (active && !aside) {
      if (active.origin === 'client' || active.seq <= seen) this.#ledger.violate('two responses at once');
      else this.#ledger.races.push('two responses at once');
      return this.#ledger.refuse(
        event,
        'conversation_already_has_active_response',
        `Conversation already has an active response in progress: ${active.id}. Wait until the response is finished before creating a new one.`,
      );
    }
    this.begin('client', given, aside);
  }

  cancel(event: JsonObject, seen: number): void {
    const id = textAt(event, 'response_id');
    if (id === undefined) this.#ledger.violate('a cancel without an id');
    const response = this.all.find((each) => each.id === id);
    if (response) return this.end(response, 'cancelled', 'client_cancelled');
    const endedSeq = this.#ended.get(id ?? '');
    if (endedSeq === undefined || endedSeq <= seen)
      this.#ledger.violate(`a cancel of ${id}, which is not active`);
    else this.#ledger.races.push('a cancel of what has ended');
    this.#ledger.refuse(event, 'response_cancel_not_active', 'Cancellation failed: no active response found');
  }

  begin(origin: Response['origin'], given: JsonObject, aside: boolean): void {
    const metadata = given['metadata'] ?? null;
    const tools = toolsOf(given['tools'] ?? this.#conversation.session['tools']);
    const calls = tools.length > 0 && given['tool_choice'] !== 'none';
    const kind = this.kind === 'call' && !calls ? 'text' : this.kind;
    // Who has called goes on to speak.
    if (this.kind === 'call') this.kind = 'text';
    const response: Response = {
      ...{ id: this.#ledger.id('resp'), origin, aside, seq: this.#ledger.nextSeq, metadata, kind },
      ...{ itemId: this.#ledger.id('item'), tools, stage: 0 },
    };
    this.all.push(response);
    this.#ledger.say({ type: 'response.created', response: this.#object(response, 'in_progress', null) });
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

  stage(response: Response): void {
    const { id, itemId, kind, stage, aside } = response;
    response.stage += 1;
    const at = { response_id: id, item_id: itemId, output_index: 0, content_index: 0 };
    if (stage === 0) {
      const item = this.#itemOf(response, 'in_progress');
      this.#ledger.say({ type: 'response.output_item.added', response_id: id, output_index: 0, item });
      if (aside) return;
      const previous = lastIdOf(this.#conversation);
      this.#conversation.items.set(itemId, { item, audioMs: 0 });
      return this.#ledger.say({ type: 'conversation.item.added', previous_item_id: previous, item });
    }
    if (stage > pieces) return this.end(response, 'completed', null);
    if (kind === 'call') {
      const { content_index: _, ...call } = at;
      return this.#ledger.say({
        type: 'response.function_call_arguments.delta',
        ...call,
        call_id: `call_${itemId}`,
        delta: '{',
      });
    }
    if (kind === 'text') return this.#ledger.say({ type: 'response.output_text.delta', ...at, delta: 'so ' });
    this.#ledger.say({ type: 'response.output_audio_transcript.delta', ...at, delta: 'so ' });
    if (!aside) this.#audible ??= this.#ledger.nextSeq;
    const held = this.#conversation.items.get(itemId);
    if (held) held.audioMs += pieceMs;
    this.#ledger.say({ type: 'response.output_audio.delta', ...at, delta: audioPiece });
  }

  end(response: Response, status: string, reason: string | null): void {
    this.all.splice(this.all.indexOf(response), 1);
    const { id, aside, itemId, stage } = response;
    const item = this.#itemOf(response, status === 'completed' ? 'completed' : 'incomplete');
    if (stage > 0) {
      this.#ledger.say({ type: 'response.output_item.done', response_id: id, output_index: 0, item });
      const held = this.#conversation.items.get(itemId);
      if (held) {
        this.#conversation.items.set(itemId, { item, audioMs: held.audioMs });
        if (!aside) this.#ledger.say({ type: 'conversation.item.done', previous_item_id: null, item });
      }
    }
    this.#ended.set(id, this.#ledger.nextSeq);
    const details = reason === null ? null : { type: 'cancelled', reason };
    this.#ledger.say({ type: 'response.done', response: this.#object(response, status, details) });
  }
}

export function lastIdOf({ items }: UpstreamConversation): string | null {
  return [...items.keys()].at(-1) ?? null;
}

const toolsOf = (tools: unknown): readonly JsonObject[] => (Array.isArray(tools) ? tools : []);
