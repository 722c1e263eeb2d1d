// One caller's call that an upstream Realtime server answers: performs what the pure bridge decides. The state has one
// writer: inputs are queued and applied one after the other. Everything it holds is in its scope, which the registry owns.
import { audioDelta, deltaIn } from '../bridge/audio-frames.ts';
import { next, openBridge } from '../bridge/bridge.ts';
import { ownText } from '../bridge/draft.ts';
import { mergeSession } from '../bridge/merge.ts';
import { masked } from '../bridge/refused.ts';
import type { BridgeEffect, BridgeInput, BridgeState, TimerName } from '../bridge/state.ts';
import type { ErrorCode } from '../lifecycle/codes.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import type { BridgePipeline } from '../pipelines/bridge.ts';
import { parseFrame } from '../wire/client-events.ts';
import type { ServerEvent } from '../wire/server-events.ts';
import type { ClientFrame, ServerFrame } from '../wire/text-frame.ts';
import { BridgeClock } from './bridge-clock.ts';
import { bridgeEnd } from './bridge-end.ts';
import { BridgeHost } from './bridge-host.ts';
import { BridgeInlet } from './bridge-inlet.ts';
import { BridgeReadiness } from './bridge-readiness.ts';
import { openBridgeTasks } from './bridge-tasks.ts';
import type { Call } from './call.ts';
import { EarlyFrames } from './early-frames.ts';
import { type CallerText, Inbox } from './inbox.ts';
import { sessionOf } from './initial-session.ts';
import { Keepalive } from './keepalive.ts';
import { Lobby, missing } from './lobby.ts';
import { Outbox } from './outbox.ts';
import { PacedWork } from './paced-work.ts';
import type { SessionFacts } from './session-facts.ts';
import type { SessionOptions } from './session-options.ts';
import { StepQueue } from './step-queue.ts';
import { UpstreamLeg } from './upstream-leg.ts';

export interface BridgedSessionOptions extends Omit<SessionOptions, 'pipeline' | 'pipelineSession'> {
  readonly pipeline: BridgePipeline;
}

/** OpenAI's own maximum for one session: shown until upstream says what holds. */
const lifetimeMs = 3_600_000;

const phases = { waiting: 'lobby', connecting: 'lobby', ready: 'ready', ended: 'failed' } as const;

export class BridgedSession implements Call {
  readonly id: string;
  /** For work beside the call. */
  readonly host: BridgeHost;
  readonly #options: BridgedSessionOptions;
  readonly #outbox: Outbox;
  readonly #inbox: Inbox;
  readonly #inlet: BridgeInlet;
  readonly #early: EarlyFrames;
  readonly #readiness: BridgeReadiness;
  readonly #lobby: Lobby;
  readonly #keepalive: Keepalive;
  readonly #timers: BridgeClock;
  readonly #upstream: UpstreamLeg;
  readonly #steps: StepQueue<BridgeInput>;
  #bridge: BridgeState;
  #opening: readonly BridgeEffect[];
  #garbage: 'none' | 'told' = 'none';

  constructor(options: BridgedSessionOptions) {
    const { id, scope, transport, pipeline, limits, newId, onEnd, earlyAudio } = options;
    this.id = id;
    this.#options = options;
    const { clock } = scope;
    const feed = (input: BridgeInput) => this.#feed(input);
    const { onFault } = options;
    this.#steps = new StepQueue({ id, onFault, onEnd, step: (input) => this.#step(input) });
    this.#outbox = new Outbox({
      ...{ transport, newId, clock, bytesMax: limits.queueBytesMax },
      onTaken: () => this.#keepalive.alive(),
      onRoom: () => {
        this.#inbox.resume();
        this.#upstream.read('on');
      },
      onSlow: (silentMs, bytes) => {
        const message = `session ${id}: nothing was read for ${silentMs} ms, ${bytes} bytes wait`;
        onEnd('slow_client', new GreenroomError('slow_client', message));
      },
    });
    scope.defer('outbox', () => this.#outbox.close());
    const work = new PacedWork({ scope, onIdle: () => this.#inbox.resume() });
    this.#inlet = new BridgeInlet({ work, tape: options.tape, feed });
    this.#inbox = new Inbox({
      ...{ transport, clock },
      isFull: () => this.#outbox.full || this.#upstream.full || work.busy,
      handle: (text) => this.#inlet.handle(text),
      handleFrame: (frame) => this.#inlet.handleFrame(frame),
    });
    scope.defer('inbox', () => this.#inbox.close());
    this.#early = new EarlyFrames({
      ...{ budget: earlyAudio, ...limits.earlyAudio },
      onDropped: (why) => feed({ type: 'audio_dropped', why }),
    });
    scope.defer('early frames', () => void this.#early.take());
    const opened = this.#openBridge();
    this.#bridge = opened.state;
    this.#opening = opened.effects;
    this.host = new BridgeHost({ scope, newId, feed, state: () => this.#bridge });
    this.#timers = new BridgeClock({
      ...{ scope, lobbyWaitMs: limits.lobbyWaitMs, openTimeoutMs: pipeline.upstream.openTimeoutMs },
      onTimer: (name, waitedMs) => this.#timeUp(name, waitedMs),
    });
    this.#upstream = new UpstreamLeg({
      ...{ scope, address: pipeline.upstream, keepaliveMs: limits.keepaliveMs },
      text: (text) => this.#hear(text),
      frame: (frame) => this.#hearFrame(frame),
      taken: () => this.#inbox.resume(),
      failed: (code, message) => feed({ type: 'upstream_failed', code, message }),
      closed: (code, reason) => feed({ type: 'upstream_closed', code, reason }),
    });
    this.#readiness = new BridgeReadiness(pipeline, clock);
    this.#lobby = new Lobby({
      ...{ scope, pipeline: this.#readiness, waitMs: limits.lobbyWaitMs },
      onReady: () => undefined,
      onNotReady: () => undefined,
      onFailed: (code, message) => feed({ type: 'engine_failed', code, message }),
      onTimeout: () => undefined,
      onNotice: (notice) => this.notice(notice),
    });
    this.#keepalive = new Keepalive({
      ...{ scope, intervalMs: limits.keepaliveMs, random: options.random() },
      ping: () => transport.ping(),
      onLost: (silentMs) => {
        const message = `session ${id}: no sign of life for ${silentMs} ms`;
        onEnd('client_lost', new GreenroomError('client_lost', message));
      },
    });
  }

  begin(): void {
    this.#options.scope.defer('record', () => this.#feed({ type: 'left' }));
    for (const effect of this.#opening) this.#perform(effect);
    this.#opening = [];
    const { scope, pipeline, openTasks, onFault } = this.#options;
    openBridgeTasks({ host: this.host, notice: (event) => this.notice(event), openTasks, onFault });
    // Whoever speaks is answered without asking: there is no later sign that the engines are needed.
    pipeline.need();
    this.#lobby.open();
    const leave = pipeline.onChange(() => this.#lookAtEngines());
    scope.defer('engines', leave);
    this.#lookAtEngines();
  }

  receive(text: CallerText): void {
    this.#inbox.receive(text);
  }

  receiveFrame(frame: ClientFrame): boolean {
    return this.#inbox.receiveFrame(frame);
  }

  alive(sign: 'any' | 'pong'): void {
    this.#keepalive.alive();
    if (sign === 'pong') this.#outbox.taken();
  }

  notice(event: Extract<ServerEvent, { type: `greenroom.${string}` }>): void {
    if (this.#options.notices) this.#outbox.send(event);
  }

  facts(): SessionFacts {
    const { scope, pipeline, transport } = this.#options;
    const { phase, items, answering } = this.#bridge;
    const state = scope.state === 'open' ? phases[phase] : 'closing';
    return {
      ...{ id: this.id, pipeline: pipeline.name, state, ageMs: scope.tree().ageMs },
      ...{ remote: transport.remote, items: items.length, response: answering?.id ?? null },
      pendingBytes: this.#outbox.pendingBytes,
    };
  }

  #openBridge() {
    const { id, pipeline, scope, preset, newId } = this.#options;
    const expiresAt = Math.floor((scope.clock.wallTime() + lifetimeMs) / 1000);
    const session = sessionOf(pipeline, { id, expiresAt, preset });
    const { model: _, greenroom: __, ...wanted } = preset ?? {};
    return openBridge({ ...session }, mergeSession(pipeline.setup, wanted), newId('conv'), newId);
  }

  #lookAtEngines(): void {
    if (this.#readiness.engines === 'ready') this.#feed({ type: 'connect' });
  }

  #hear(text: string): void {
    this.#timers.heard();
    const delta = audioDelta(text);
    if (delta) this.#feed({ type: 'upstream_audio', text, ...delta });
    else {
      const parsed = parseFrame(text);
      if (parsed.state === 'object') this.#feed({ type: 'upstream', event: parsed.given, text });
      else {
        // One line for all of a call: a log that floods helps nobody.
        if (this.#garbage === 'told') return;
        this.#garbage = 'told';
        const { secrets } = this.#options.pipeline.upstream;
        const why = `${masked(parsed.error.message, secrets)} (passed over, as will be all of this call)`;
        this.#options.onFault('a frame of upstream', new Error(why));
      }
    }
    if (this.#outbox.full) this.#upstream.read('paused');
  }

  #hearFrame(frame: ServerFrame): boolean {
    const delta = deltaIn(frame);
    if (!delta) return false;
    this.#timers.heard();
    this.#feed({ type: 'upstream_audio', text: frame, ...delta });
    if (this.#outbox.full) this.#upstream.read('paused');
    return true;
  }

  #timeUp(name: TimerName, waitedMs: number): void {
    const messages = {
      open: `upstream gave no session within ${waitedMs} ms`,
      lobby: `not ready after ${waitedMs} ms: ${missing(this.#readiness.readiness().engines)}`,
      silence: `upstream owes a response, and gave no sign of it for ${waitedMs} ms`,
      doubt: '',
    };
    this.#feed({ type: 'timer', name, message: messages[name] });
  }

  #feed(input: BridgeInput): void {
    this.#steps.feed(input);
  }

  #step(input: BridgeInput): void {
    const step = next(this.#bridge, input, this.#options.newId);
    this.#bridge = step.state;
    for (const effect of step.effects) this.#perform(effect);
  }

  #perform(effect: BridgeEffect): void {
    const { record, onFault, onEnd } = this.#options;
    switch (effect.type) {
      case 'connect':
        this.#readiness.become('starting');
        return this.#upstream.connect();
      case 'pass':
        return this.#outbox.pass(effect.text);
      case 'to_caller':
        return this.#outbox.send(effect.event);
      case 'to_upstream':
        return this.#upstream.send(this.#inlet.filled(effect.text));
      case 'hold':
        return this.#early.hold({ ...effect, text: ownText(this.#inlet.filled(effect.text)) });
      case 'drop_held':
        return this.#early.drop(effect.what);
      case 'release_held':
        for (const text of this.#early.take()) this.#upstream.send(text);
        return;
      case 'start_timer':
        return this.#timers.start(effect.name);
      case 'stop_timer':
        return this.#timers.stop(effect.name);
      case 'record':
        if (effect.event.type === 'transcribed') this.host.heard();
        return record.told(effect.event, () => this.#bridge.items.flatMap(({ item }) => item ?? []));
      case 'ready':
        return this.#readiness.become('ready');
      case 'speech_ended':
        return this.host.spoken(effect.id, effect.outcome);
      case 'tool_called':
        return this.host.called(effect);
      case 'fault':
        return onFault('upstream', new Error(effect.message));
      case 'end':
        return onEnd(...bridgeEnd(effect.code as ErrorCode, effect.message, effect.closeCode));
    }
  }
}
