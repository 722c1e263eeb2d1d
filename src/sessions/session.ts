// One caller's conversation: performs what the pure conversation decides. The state has one writer: inputs are queued
// and applied one after the other, effects in order. Everything it holds is in its scope, which the registry owns.
import { noDecoders } from '../audio/decoding/decoders.ts';
import type { ErrorCode } from '../lifecycle/codes.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import { next, open } from '../realtime/conversation.ts';
import { replay } from '../realtime/replay.ts';
import { detectorOptions } from '../realtime/session-update.ts';
import type { Conversation, ConversationInput, Effect } from '../realtime/state.ts';
import type { ParsedClientEvent } from '../wire/client-events.ts';
import type { Item } from '../wire/items.ts';
import type { ServerEvent, WireError } from '../wire/server-events.ts';
import { Answers, type EndedAnswer } from './answers.ts';
import type { Call } from './call.ts';
import { lookOf } from './call-look.ts';
import { Hearing, type HearingOptions } from './hearing.ts';
import { IdleWatch } from './idle-watch.ts';
import type { CallerText } from './inbox.ts';
import { sessionOf } from './initial-session.ts';
import { Intake } from './intake.ts';
import { ItemAudio } from './item-audio.ts';
import { Lobby } from './lobby.ts';
import { type LongAudio, readEvent } from './long-events.ts';
import { PacedWork } from './paced-work.ts';
import { binaryFrame, hearingNotice, sessionExpired, voiceActivityFailed } from './session-errors.ts';
import { type SessionFacts, seatFacts } from './session-facts.ts';
import type { SessionOptions } from './session-options.ts';
import { StepQueue } from './step-queue.ts';
import { SessionTaskHost } from './task-host.ts';
import { TaskTools } from './task-tools.ts';
import { Transcripts } from './transcripts.ts';
import { TurnClock } from './turn-times.ts';
import { codingOf } from './wire-audio.ts';

/** OpenAI's own maximum for one session. */
const lifetimeMs = 3_600_000;

export class Session implements Call {
  readonly id: string;
  readonly #options: SessionOptions;
  readonly #work: PacedWork;
  readonly #intake: Intake;
  readonly #itemAudio = new ItemAudio();
  readonly #hearing: Hearing;
  readonly #lobby: Lobby;
  readonly #answers: Answers;
  readonly #transcripts: Transcripts;
  readonly #turns: TurnClock;
  readonly #idle: IdleWatch;
  readonly #steps: StepQueue<ConversationInput>;
  #conversation: Conversation;
  #opening: readonly Effect[];

  constructor(options: SessionOptions) {
    const { id, scope, seat, place, pipeline, pipelineSession, limits, newId, onEnd } = options;
    this.id = id;
    this.#options = options;
    const { onFault } = options;
    this.#steps = new StepQueue({ id, onFault, onEnd, step: (input) => this.#step(input) });
    const onIdle = () => {
      seat.read();
      place.moved();
    };
    this.#work = new PacedWork({ scope, onIdle });
    const opened = open(this.#initial(), newId('conv'), newId, pipeline.abilities);
    this.#conversation = opened.state;
    this.#opening = opened.effects;
    const feed = (input: ConversationInput) => this.#feed(input);
    this.#intake = new Intake({
      budget: options.earlyAudio,
      early: limits.earlyAudio,
      format: opened.state.session.audio.input.format,
      work: this.#work,
      webm: { scope, decoders: options.decoders ?? noDecoders, onIdle },
      hears: pipeline.abilities.hears,
      pipeline: pipeline.name,
      phase: () => this.#conversation.phase,
      feed,
      onAppended: () => this.#hearing.appended(),
    });
    scope.defer('input audio', () => this.#intake.close());
    const speaking = {
      ...{ scope, pipelineSession, feed, onFault: options.onFault },
      audioOf: (item: string) => this.#itemAudio.of(item),
    };
    const send = (event: ServerEvent) => seat.send(event);
    const host = new SessionTaskHost({ ...speaking, conversation: () => this.#conversation, send });
    const tasks = options.openTasks(host);
    this.#turns = new TurnClock(scope.clock);
    const turnOf = (items: readonly Item[]) => this.#turns.take(items);
    const answering = { ...speaking, pipelineSession: new TaskTools(pipelineSession, tasks, newId) };
    const onEnded = (answer: EndedAnswer) => options.record.answered(answer);
    const timing = { turnOf, stages: pipeline.stages, onEnded };
    this.#answers = new Answers({ ...answering, ...timing, room: (signal) => seat.room(signal) });
    this.#transcripts = new Transcripts({
      ...{ ...speaking, input: this.#intake.audio },
      onPartial: (itemId, text) => send(hearingNotice(itemId, text)),
    });
    this.#hearing = new Hearing({
      scope,
      input: this.#intake.audio,
      openVad: (rateHz) => pipelineSession.openVad(rateHz),
      onTurn: (event) => this.#turned(event),
      onHeard: (toSample) => {
        this.#transcripts.spoken(toSample);
        place.moved();
      },
      onQuiet: (beforeSample) => this.#intake.drop(beforeSample, ''),
      onFault: (error, then) => {
        options.onFault('voice activity', error);
        this.#refuse(voiceActivityFailed(error, then));
      },
    });
    this.#idle = new IdleWatch(scope, () => feed({ type: 'idle_timeout' }));
    this.#lobby = new Lobby({
      ...{ scope, pipeline, waitMs: limits.lobbyWaitMs, waits: options.lobbyWaits },
      onReady: () => {
        feed({ type: 'ready' });
        this.#intake.ready();
        if (pipeline.abilities.hears !== 'nothing') this.#hearing.start();
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
      onNotice: send,
    });
    const expiry = scope.clock.after(lifetimeMs, () => this.#expire(), { ref: false });
    scope.defer('expiry', () => expiry.cancel());
    place.bind({
      look: () =>
        lookOf(this.#conversation, { behindSamples: this.#hearing.behindSamples, busy: this.#work.busy }),
      handle: (text) => this.handle(text),
      need: () => pipeline.need(),
    });
  }

  /** Tells the caller what it has, and enters the lobby. */
  begin(): void {
    for (const effect of this.#opening) this.#perform(effect);
    this.#opening = [];
    this.#lobby.open();
  }

  get conversationId(): string {
    return this.#conversation.id;
  }

  get resumable(): boolean {
    return this.#conversation.session.resumption !== undefined;
  }

  get busy(): boolean {
    return this.#work.busy || this.#intake.busy;
  }

  replay() {
    return replay(this.#conversation);
  }

  callerIs(where: 'away' | 'back'): void {
    // Nobody is asked whether they are still there who are not.
    this.#idle.wait(where === 'away' ? null : this.#conversation.idleMs);
    if (where === 'back') this.#lobby.tell();
  }

  handle(text: CallerText): void {
    if (text === null) return this.#refuse(binaryFrame);
    const take = (parsed: ParsedClientEvent, long: LongAudio) => this.#take(parsed, long);
    readEvent(text, {
      ...{ work: this.#work, tape: this.#options.tape, take },
      place: () => this.#intake.place,
    });
  }

  #take(parsed: ParsedClientEvent, long: LongAudio): void {
    if (parsed.state === 'refused') return this.#refuse(parsed.error);
    const { event } = parsed;
    if (event.type === 'input_audio_buffer.append') return this.#intake.append(event, long);
    if (event.type === 'conversation.item.create') return this.#intake.create(event, long);
    if (event.type === 'input_audio_buffer.commit') this.#intake.settle();
    if (event.type === 'input_audio_buffer.clear') this.#intake.clear();
    this.#feed({ type: 'client', event });
  }

  notice(event: Extract<ServerEvent, { type: `greenroom.${string}` }>): void {
    this.#options.seat.send(event);
  }

  facts(): SessionFacts {
    const { scope, pipeline, seat } = this.#options;
    const { phase, items, response } = this.#conversation;
    return {
      ...seatFacts(seat, phase),
      id: this.id,
      pipeline: pipeline.name,
      generation: pipeline.generation ?? 1,
      ageMs: scope.tree().ageMs,
      items: items.length,
      response: response?.object.id ?? null,
    };
  }

  #initial() {
    const { id, pipeline, scope, preset } = this.#options;
    const expiresAt = Math.floor((scope.clock.wallTime() + lifetimeMs) / 1000);
    return sessionOf(pipeline, { id, expiresAt, preset });
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

  #feed(input: ConversationInput): void {
    this.#steps.feed(input);
  }

  #step(input: ConversationInput): void {
    if (input.type === 'transcript_ended') this.#turns.transcribed(input.itemId);
    const step = next(this.#conversation, input, this.#options.newId);
    this.#conversation = step.state;
    this.#options.record.stepped(step);
    for (const effect of step.effects) this.#perform(effect);
  }

  #perform(effect: Effect): void {
    switch (effect.type) {
      case 'send':
        return this.#options.seat.send(effect.event);
      case 'send_retrieved':
        return this.#retrieve(effect.item);
      case 'start_response':
        return this.#answers.start(effect.snapshot);
      case 'stop_response':
        return this.#answers.stop(effect.responseId);
      case 'listen':
        return this.#transcripts.listen(effect.itemId, effect.fromSample, effect.language);
      case 'keep_audio':
        this.#turns.committed(effect.itemId);
        this.#transcripts.ended(effect.itemId, effect.toSample);
        return this.#itemAudio.keep(
          effect.itemId,
          this.#intake.audio.slice(effect.fromSample, effect.toSample),
        );
      case 'keep_given_audio':
        return this.#itemAudio.keep(effect.itemId, effect.audio);
      case 'drop_audio':
        return this.#intake.audio.dropBefore(effect.toSample);
      case 'forget_item':
        this.#transcripts.stop(effect.itemId);
        return this.#itemAudio.forget(effect.itemId);
      case 'transcribe':
        return this.#transcripts.start(effect.itemId, effect.language);
      case 'use_input_format':
        return this.#intake.use(effect.format);
      case 'record':
        return this.#options.tape?.ask(effect.on);
      case 'detect_turns':
        return this.#hearing.configure(effect.detection);
      case 'reset_turn_detection':
        return this.#hearing.reset();
      case 'idle_wait':
        return this.#idle.wait(effect.ms);
      case 'lobby_wait':
        return this.#lobby.wait(effect.state);
    }
  }

  #turned(event: Parameters<HearingOptions['onTurn']>[0]): void {
    const { turn_detection: detection } = this.#conversation.session.audio.input;
    const behind = this.#intake.audio.endSample - event.atSample;
    if (event.type === 'speech_stopped' && detection)
      this.#turns.stopped(behind, detectorOptions(detection).silenceDurationMs);
    const { place, scope } = this.#options;
    this.#feed(place.listens ? { ...event, atMs: scope.clock.now() } : event);
  }

  #retrieve(item: Item): void {
    const coding = codingOf(this.#conversation.session.audio.input.format);
    const { seat } = this.#options;
    const send = (filled: Item) => seat.send({ type: 'conversation.item.retrieved', item: filled });
    this.#work.do(this.#itemAudio.retrieve(item, coding, send));
  }
}
