// One caller's conversation: performs what the pure conversation decides. The state has one writer: inputs are queued
// and applied one after the other, effects in order. Everything it holds is in its scope, which the registry owns.
import { base64ToPcm, pcmToBase64 } from '../audio/pcm.ts';
import type { ErrorCode } from '../lifecycle/codes.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import type { CloseReason } from '../lifecycle/reasons.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { Pipeline, PipelineSession } from '../pipelines/pipeline.ts';
import { next, open } from '../realtime/conversation.ts';
import type { Conversation, ConversationInput, Effect } from '../realtime/state.ts';
import { parseClientEvent } from '../wire/client-events.ts';
import type { NewId } from '../wire/ids.ts';
import type { Item } from '../wire/items.ts';
import type { ServerEvent } from '../wire/server-events.ts';
import { initialSession, sessionRateHz } from '../wire/session-config.ts';
import { Answers } from './answers.ts';
import { AppendDecoder } from './append-decoder.ts';
import { Hearing } from './hearing.ts';
import { type AudioBudget, InputAudio } from './input-audio.ts';
import { ItemAudio } from './item-audio.ts';
import { Keepalive } from './keepalive.ts';
import { Lobby } from './lobby.ts';
import { Outbox } from './outbox.ts';
import type { Transport } from './transport.ts';

export interface SessionLimits {
  readonly lobbyWaitMs: number;
  readonly earlyAudio: { readonly ageMs: number; readonly bytesMax: number };
  readonly keepaliveMs: number;
  readonly queueBytesMax: number;
}

export interface SessionOptions {
  readonly id: string;
  readonly scope: Scope;
  readonly transport: Transport;
  readonly pipeline: Pipeline;
  readonly pipelineSession: PipelineSession;
  readonly limits: SessionLimits;
  readonly earlyAudio: AudioBudget;
  /** The caller asked for our own notices. */
  readonly notices: boolean;
  readonly newId: NewId;
  /** 0 to 1. */
  readonly random: () => number;
  /** It has to end: whoever owns its scope closes it. */
  readonly onEnd: (reason: CloseReason, error: GreenroomError) => void;
  readonly onFault: (what: string, error: unknown) => void;
}

export interface SessionFacts {
  readonly id: string;
  readonly pipeline: string;
  readonly state: 'lobby' | 'ready' | 'failed' | 'closing';
  readonly ageMs: number;
  readonly remote: string;
  readonly items: number;
  readonly response: string | null;
  readonly pendingBytes: number;
}

/** OpenAI's own maximum for one session. */
const lifetimeMs = 3_600_000;
/** Input that nothing has taken, once the lobby is behind: about six minutes. */
const inputBytesMax = 16 * 1024 * 1024;

export class Session {
  readonly id: string;
  readonly #options: SessionOptions;
  readonly #outbox: Outbox;
  readonly #input: InputAudio;
  readonly #itemAudio = new ItemAudio();
  readonly #decoder = new AppendDecoder();
  readonly #hearing: Hearing;
  readonly #lobby: Lobby;
  readonly #answers: Answers;
  readonly #keepalive: Keepalive;
  readonly #queue: ConversationInput[] = [];
  #conversation: Conversation;
  #opening: readonly Effect[];
  #state: 'idle' | 'applying' = 'idle';
  #overflow: 'none' | 'told' = 'none';

  constructor(options: SessionOptions) {
    const { id, scope, transport, pipeline, pipelineSession, limits, newId, onEnd } = options;
    this.id = id;
    this.#options = options;
    this.#outbox = new Outbox(transport, newId, limits.queueBytesMax);
    scope.defer('outbox', () => this.#outbox.close());
    this.#input = new InputAudio(options.earlyAudio);
    scope.defer('input audio', () => this.#input.dropBefore(this.#input.endSample));
    const feed = (input: ConversationInput) => this.#feed(input);
    this.#answers = new Answers({
      scope,
      outbox: this.#outbox,
      pipelineSession,
      audioOf: (item) => this.#itemAudio.of(item),
      feed,
    });
    this.#hearing = new Hearing({
      scope,
      input: this.#input,
      openVad: (rateHz) => pipelineSession.openVad(rateHz),
      onTurn: feed,
      onQuiet: (beforeSample) => this.#drop(beforeSample, ''),
      onFault: (error) => options.onFault('voice activity', error),
    });
    this.#lobby = new Lobby({
      scope,
      pipeline,
      waitMs: limits.lobbyWaitMs,
      onReady: () => {
        feed({ type: 'ready' });
        this.#hearing.start();
      },
      onNotReady: () => {
        feed({ type: 'not_ready' });
        void this.#hearing.stop();
      },
      onFailed: (code, message) => {
        feed({ type: 'engine_failed', code, message });
        onEnd('engine_failed', new GreenroomError(code as ErrorCode, message));
      },
      onTimeout: (waitedMs, missing) => feed({ type: 'lobby_timeout', waitedMs, missing }),
      onNotice: (notice) => this.#send(notice),
    });
    this.#keepalive = new Keepalive({
      scope,
      intervalMs: limits.keepaliveMs,
      random: options.random(),
      ping: () => transport.ping(),
      onLost: (silentMs) => {
        onEnd(
          'client_lost',
          new GreenroomError('client_lost', `session ${id}: no sign of life for ${silentMs} ms`),
        );
      },
    });
    const opened = open(this.#initial(), newId('conv'), newId);
    this.#conversation = opened.state;
    this.#opening = opened.effects;
  }

  /** Tells the caller what it has, and enters the lobby. */
  begin(): void {
    for (const effect of this.#opening) this.#perform(effect);
    this.#opening = [];
    this.#lobby.open();
  }

  receive(text: string): void {
    const parsed = parseClientEvent(text);
    if (parsed.state === 'refused') return this.#feed({ type: 'refused', error: parsed.error });
    const { event } = parsed;
    if (event.type !== 'input_audio_buffer.append') return this.#feed({ type: 'client', event });
    const decoded = this.#decoder.decode(event.audio);
    if (decoded.state === 'refused')
      return this.#refuse('invalid_value', decoded.why, 'audio', event.event_id);
    this.#append(decoded.pcm);
  }

  receiveBinary(): void {
    this.#refuse(
      'invalid_event',
      'binary frames are not part of the Realtime wire; audio travels base64 in input_audio_buffer.append',
      null,
      undefined,
    );
  }

  alive(): void {
    this.#keepalive.alive();
  }

  /** Sends our own notice to a caller that asked for them. */
  notice(event: Extract<ServerEvent, { type: `greenroom.${string}` }>): void {
    this.#send(event);
  }

  facts(): SessionFacts {
    const { scope, pipeline, transport } = this.#options;
    const { phase, items, response } = this.#conversation;
    return {
      id: this.id,
      pipeline: pipeline.name,
      state: scope.state === 'open' ? phase : 'closing',
      ageMs: scope.tree().ageMs,
      remote: transport.remote,
      items: items.length,
      response: response?.object.id ?? null,
      pendingBytes: this.#outbox.pendingBytes,
    };
  }

  #initial() {
    const { id, pipeline, scope } = this.#options;
    const expiresAt = Math.floor((scope.clock.wallTime() + lifetimeMs) / 1000);
    return initialSession({
      id,
      model: pipeline.name,
      voice: pipeline.voice,
      instructions: pipeline.instructions,
      expiresAt,
    });
  }

  #refuse(code: string, message: string, param: string | null, eventId: string | undefined): void {
    this.#feed({
      type: 'refused',
      error: { type: 'invalid_request_error', code, message, param, event_id: eventId ?? null },
    });
  }

  #append(pcm: Int16Array): void {
    this.#input.append(pcm);
    this.#feed({ type: 'audio_appended', samples: pcm.length });
    this.#bound();
    this.#hearing.appended();
  }

  /** In the lobby early audio is bounded by age and bytes, here and over all sessions; later by bytes alone. */
  #bound(): void {
    const { limits } = this.#options;
    const lobby = this.#conversation.phase === 'lobby';
    const ageSamples = Math.round((limits.earlyAudio.ageMs * sessionRateHz) / 1000);
    const bytesMax = lobby ? Math.min(limits.earlyAudio.bytesMax, ageSamples * 2) : inputBytesMax;
    const excess = this.#input.excess(bytesMax, lobby);
    if (excess === 0) return;
    const why =
      this.#overflow === 'none'
        ? `only the last ${bytesMax} bytes of input are kept: the oldest was dropped`
        : '';
    this.#overflow = 'told';
    this.#drop(this.#input.startSample + excess, why);
  }

  #drop(beforeSample: number, why: string): void {
    if (beforeSample <= this.#input.startSample) return;
    this.#input.dropBefore(beforeSample);
    this.#feed({ type: 'audio_dropped', toSample: beforeSample, why });
  }

  #feed(input: ConversationInput): void {
    this.#queue.push(input);
    if (this.#state === 'applying') return;
    this.#state = 'applying';
    try {
      for (let queued = this.#queue.shift(); queued; queued = this.#queue.shift()) {
        const step = next(this.#conversation, queued, this.#options.newId);
        this.#conversation = step.state;
        for (const effect of step.effects) this.#perform(effect);
      }
    } finally {
      this.#state = 'idle';
    }
  }

  #perform(effect: Effect): void {
    switch (effect.type) {
      case 'send':
        return this.#send(effect.event);
      case 'send_retrieved':
        return this.#send({ type: 'conversation.item.retrieved', item: this.#withAudio(effect.item) });
      case 'start_response':
        return this.#answers.start(effect.snapshot);
      case 'stop_response':
        return this.#answers.stop(effect.responseId);
      case 'keep_audio':
        return this.#itemAudio.keep(effect.itemId, this.#input.slice(effect.fromSample, effect.toSample));
      case 'keep_given_audio':
        return this.#itemAudio.keep(effect.itemId, base64ToPcm(effect.audio));
      case 'drop_audio':
        return this.#input.dropBefore(effect.toSample);
      case 'forget_item':
        return this.#itemAudio.forget(effect.itemId);
      case 'detect_turns':
        return this.#hearing.configure(effect.detection);
      case 'reset_turn_detection':
        this.#decoder.reset();
        return this.#hearing.reset();
      case 'lobby_wait':
        return this.#lobby.wait(effect.state);
    }
  }

  #send(event: ServerEvent): void {
    if (event.type.startsWith('greenroom.') && !this.#options.notices) return;
    if (this.#outbox.offer(event) !== 'overflow') return;
    const { limits, onEnd } = this.#options;
    const message = `session ${this.id}: more than ${limits.queueBytesMax} bytes wait unread`;
    onEnd('slow_client', new GreenroomError('slow_client', message));
  }

  #withAudio(item: Item): Item {
    const pcm = this.#itemAudio.of(item.id);
    if (item.type !== 'message' || pcm.length === 0) return item;
    const content = item.content.map((part) =>
      part.type === 'input_audio' ? { ...part, audio: pcmToBase64(pcm) } : part,
    );
    return { ...item, content };
  }
}
