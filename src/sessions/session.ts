// One caller's conversation: performs what the pure conversation decides. The state has one writer: inputs are queued
// and applied one after the other, effects in order. Everything it holds is in its scope, which the registry owns.
import { base64ToPcm } from '../audio/pcm.ts';
import type { ErrorCode } from '../lifecycle/codes.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import type { CloseReason } from '../lifecycle/reasons.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { Pipeline, PipelineSession } from '../pipelines/pipeline.ts';
import { next, open } from '../realtime/conversation.ts';
import type { Conversation, ConversationInput, Effect } from '../realtime/state.ts';
import { parseClientEvent } from '../wire/client-events.ts';
import type { NewId } from '../wire/ids.ts';
import type { ServerEvent, WireError } from '../wire/server-events.ts';
import { initialSession } from '../wire/session-config.ts';
import { Answers } from './answers.ts';
import { Hearing } from './hearing.ts';
import { Inbox } from './inbox.ts';
import type { AudioBudget } from './input-audio.ts';
import { Intake } from './intake.ts';
import { ItemAudio } from './item-audio.ts';
import { Keepalive } from './keepalive.ts';
import { Lobby } from './lobby.ts';
import { Outbox } from './outbox.ts';
import type { SessionRecord } from './records.ts';
import { audioRefused, binaryFrame, sessionExpired, voiceActivityFailed } from './session-errors.ts';
import type { SessionFacts } from './session-facts.ts';
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
  readonly record: SessionRecord;
  readonly newId: NewId;
  /** 0 to 1. */
  readonly random: () => number;
  /** It has to end: whoever owns its scope closes it. */
  readonly onEnd: (reason: CloseReason, error: GreenroomError) => void;
  readonly onFault: (what: string, error: unknown) => void;
}

/** OpenAI's own maximum for one session. */
const lifetimeMs = 3_600_000;

export class Session {
  readonly id: string;
  readonly #options: SessionOptions;
  readonly #outbox: Outbox;
  readonly #inbox: Inbox;
  readonly #intake: Intake;
  readonly #itemAudio = new ItemAudio();
  readonly #hearing: Hearing;
  readonly #lobby: Lobby;
  readonly #answers: Answers;
  readonly #keepalive: Keepalive;
  readonly #queue: ConversationInput[] = [];
  #conversation: Conversation;
  #opening: readonly Effect[];
  #state: 'idle' | 'applying' = 'idle';

  constructor(options: SessionOptions) {
    const { id, scope, transport, pipeline, pipelineSession, limits, newId, onEnd } = options;
    this.id = id;
    this.#options = options;
    this.#outbox = new Outbox({
      transport,
      newId,
      clock: scope.clock,
      bytesMax: limits.queueBytesMax,
      onTaken: () => this.alive(),
      onRoom: () => this.#inbox.resume(),
      onSlow: (silentMs, bytes) => {
        const message = `session ${id}: nothing was read for ${silentMs} ms, ${bytes} bytes wait`;
        onEnd('slow_client', new GreenroomError('slow_client', message));
      },
    });
    scope.defer('outbox', () => this.#outbox.close());
    this.#inbox = new Inbox({
      transport,
      isFull: () => this.#outbox.full,
      handle: (text) => (text === null ? this.#refuse(binaryFrame) : this.#handle(text)),
    });
    scope.defer('inbox', () => this.#inbox.close());
    this.#intake = new Intake(options.earlyAudio, limits.earlyAudio);
    scope.defer('input audio', () => this.#intake.close());
    const feed = (input: ConversationInput) => this.#feed(input);
    this.#answers = new Answers({
      scope,
      outbox: this.#outbox,
      pipelineSession,
      audioOf: (item) => this.#itemAudio.of(item),
      feed,
      onFault: options.onFault,
    });
    this.#hearing = new Hearing({
      scope,
      input: this.#intake.audio,
      openVad: (rateHz) => pipelineSession.openVad(rateHz),
      onTurn: feed,
      onQuiet: (beforeSample) => this.#drop(beforeSample, ''),
      onFault: (error, then) => {
        options.onFault('voice activity', error);
        this.#refuse(voiceActivityFailed(error, then));
      },
    });
    this.#lobby = new Lobby({
      scope,
      pipeline,
      waitMs: limits.lobbyWaitMs,
      onReady: () => {
        feed({ type: 'ready' });
        this.#intake.settled();
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
    const expiry = scope.clock.after(lifetimeMs, () => this.#expire(), { ref: false });
    scope.defer('expiry', () => expiry.cancel());
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

  /** A frame: its text, or null for a binary one. */
  receive(text: string | null): void {
    this.#inbox.receive(text);
  }

  #handle(text: string): void {
    const parsed = parseClientEvent(text);
    if (parsed.state === 'refused') return this.#feed({ type: 'refused', error: parsed.error });
    const { event } = parsed;
    if (event.type === 'input_audio_buffer.clear') this.#intake.cleared();
    if (event.type !== 'input_audio_buffer.append') return this.#feed({ type: 'client', event });
    const taken = this.#intake.append(event.audio, this.#conversation.phase);
    if (taken.state === 'refused') return this.#refuse(audioRefused(taken.why, event.event_id));
    this.#feed({ type: 'audio_appended', samples: taken.samples });
    if (taken.dropTo !== null) this.#drop(taken.dropTo, taken.why);
    this.#hearing.appended();
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

  /** OpenAI ends a session after an hour, and clients are built for it. */
  #expire(): void {
    const error = sessionExpired(lifetimeMs);
    this.#refuse(error);
    this.#options.onEnd('deadline', new GreenroomError('session_expired', error.message));
  }

  #refuse(error: WireError): void {
    this.#feed({ type: 'refused', error });
  }

  #drop(beforeSample: number, why: string): void {
    if (!this.#intake.drop(beforeSample)) return;
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
        this.#options.record.stepped(step);
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
        return this.#send({ type: 'conversation.item.retrieved', item: this.#itemAudio.fill(effect.item) });
      case 'start_response':
        return this.#answers.start(effect.snapshot);
      case 'stop_response':
        return this.#answers.stop(effect.responseId);
      case 'keep_audio':
        return this.#itemAudio.keep(
          effect.itemId,
          this.#intake.audio.slice(effect.fromSample, effect.toSample),
        );
      case 'keep_given_audio':
        return this.#itemAudio.keep(effect.itemId, base64ToPcm(effect.audio));
      case 'drop_audio':
        return this.#intake.audio.dropBefore(effect.toSample);
      case 'forget_item':
        return this.#itemAudio.forget(effect.itemId);
      case 'detect_turns':
        return this.#hearing.configure(effect.detection);
      case 'reset_turn_detection':
        return this.#hearing.reset();
      case 'lobby_wait':
        return this.#lobby.wait(effect.state);
    }
  }

  #send(event: ServerEvent): void {
    if (event.type.startsWith('greenroom.') && !this.#options.notices) return;
    this.#outbox.send(event);
  }
}
