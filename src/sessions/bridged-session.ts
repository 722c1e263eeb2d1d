// One caller's call that an upstream Realtime server answers: performs what the pure bridge decides. The state has one
// writer: inputs are queued and applied one after the other. Everything it holds is in its scope, which the registry owns.
import { audioDelta, deltaIn } from '../bridge/audio-frames.ts';
import { next, openBridge } from '../bridge/bridge.ts';
import { ownText } from '../bridge/draft.ts';
import { mergeSession } from '../bridge/merge.ts';
import { masked } from '../bridge/refused.ts';
import { replay } from '../bridge/replay.ts';
import type { BridgeEffect, BridgeInput, BridgeState, TimerName } from '../bridge/state.ts';
import type { ErrorCode } from '../lifecycle/codes.ts';
import type { BridgePipeline } from '../pipelines/bridge.ts';
import { operations } from '../telemetry/operations.ts';
import { parseFrame } from '../wire/client-events.ts';
import { isObject, type JsonObject } from '../wire/json.ts';
import type { ServerEvent } from '../wire/server-events.ts';
import type { ClientFrame, ServerFrame } from '../wire/text-frame.ts';
import { BridgeClock } from './bridge-clock.ts';
import { bridgeEnd } from './bridge-end.ts';
import { BridgeHost } from './bridge-host.ts';
import { BridgeInlet } from './bridge-inlet.ts';
import { BridgeReadiness } from './bridge-readiness.ts';
import { openBridgeTasks } from './bridge-tasks.ts';
import type { Call } from './call.ts';
import { bridgeLook } from './call-look.ts';
import { EarlyFrames } from './early-frames.ts';
import type { CallerText } from './inbox.ts';
import { sessionOf } from './initial-session.ts';
import { Lobby, missing } from './lobby.ts';
import { PacedWork } from './paced-work.ts';
import { type SessionFacts, seatFacts } from './session-facts.ts';
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
  readonly #inlet: BridgeInlet;
  readonly #work: PacedWork;
  readonly #early: EarlyFrames;
  readonly #readiness: BridgeReadiness;
  readonly #lobby: Lobby;
  readonly #timers: BridgeClock;
  readonly #upstream: UpstreamLeg;
  readonly #steps: StepQueue<BridgeInput>;
  #bridge: BridgeState;
  #opening: readonly BridgeEffect[];
  #garbage: 'none' | 'told' = 'none';
  /** Whether its caller may come back: the gateway's own, upstream knows nothing of it. */
  #resumption: 'off' | 'on' = 'off';

  constructor(options: BridgedSessionOptions) {
    const { id, scope, seat, place, pipeline, limits, newId, onEnd, earlyAudio } = options;
    this.id = id;
    this.#options = options;
    const { clock } = scope;
    const feed = (input: BridgeInput) => this.#feed(input);
    const { onFault } = options;
    this.#steps = new StepQueue({ id, onFault, onEnd, step: (input) => this.#step(input) });
    this.#work = new PacedWork({
      scope,
      onIdle: () => {
        seat.read();
        place.moved();
      },
    });
    this.#inlet = new BridgeInlet({
      ...{ work: this.#work, tape: options.tape, feed },
      onResumption: (wanted) => {
        this.#resumption = wanted;
      },
    });
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
      text: (text) => operations.during('upstream message', id, () => this.#hear(text)),
      frame: (frame) => this.#hearFrame(frame),
      taken: () => {
        seat.read();
        place.moved();
      },
      failed: (code, message) => feed({ type: 'upstream_failed', code, message }),
      closed: (code, reason) => feed({ type: 'upstream_closed', code, reason }),
    });
    this.#readiness = new BridgeReadiness(pipeline, clock);
    this.#lobby = new Lobby({
      ...{ scope, pipeline: this.#readiness, waitMs: limits.lobbyWaitMs, waits: options.lobbyWaits },
      onReady: () => undefined,
      onNotReady: () => undefined,
      onFailed: (code, message) => feed({ type: 'engine_failed', code, message }),
      onTimeout: () => undefined,
      onNotice: (notice) => this.notice(notice),
    });
    place.bind({
      look: () => bridgeLook(this.#bridge, { full: this.#upstream.full }),
      handle: (text) => this.handle(text),
      need: () => pipeline.need(),
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

  get conversationId(): string {
    return this.#bridge.conversationId;
  }

  get resumable(): boolean {
    return this.#resumption === 'on';
  }

  get busy(): boolean {
    return this.#upstream.full || this.#work.busy;
  }

  onRoom(): void {
    this.#upstream.read('on');
  }

  replay(): readonly JsonObject[] {
    return replay(this.#bridge).map((event) => this.#shown(event));
  }

  callerIs(where: 'away' | 'back'): void {
    if (where === 'back') this.#lobby.tell();
    // Whoever did not take what came keeps upstream waiting no longer.
    else this.#upstream.read('on');
  }

  notice(event: Extract<ServerEvent, { type: `greenroom.${string}` }>): void {
    this.#options.seat.send(event);
  }

  facts(): SessionFacts {
    const { scope, pipeline, seat } = this.#options;
    const { phase, items, answering } = this.#bridge;
    return {
      ...seatFacts(seat, phases[phase]),
      ...{ id: this.id, pipeline: pipeline.name, generation: pipeline.generation },
      ...{ ageMs: scope.tree().ageMs, items: items.length, response: answering?.id ?? null },
    };
  }

  /** The session as its caller has it: upstream's, and what is ours of it. */
  #shown(event: JsonObject): JsonObject {
    const { type, session } = event;
    if (!isObject(session) || (type !== 'session.created' && type !== 'session.updated')) return event;
    const { resumption: _, ...rest } = session;
    return { ...event, session: this.resumable ? { ...rest, resumption: { enabled: true } } : rest };
  }

  #openBridge() {
    const { id, pipeline, scope, preset, newId } = this.#options;
    const expiresAt = Math.floor((scope.clock.wallTime() + lifetimeMs) / 1000);
    const session = sessionOf(pipeline, { id, expiresAt, preset });
    const { model: _, greenroom: __, resumption, ...wanted } = preset ?? {};
    if (resumption?.enabled) this.#resumption = 'on';
    return openBridge({ ...session }, mergeSession(pipeline.setup, wanted), newId('conv'), newId);
  }

  handle(text: CallerText): void {
    this.#inlet.handle(text);
  }

  handleFrame(frame: ClientFrame): boolean {
    return this.#inlet.handleFrame(frame);
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
    if (this.#options.seat.full) this.#upstream.read('paused');
  }

  #hearFrame(frame: ServerFrame): boolean {
    const delta = deltaIn(frame);
    if (!delta) return false;
    this.#timers.heard();
    this.#feed({ type: 'upstream_audio', text: frame, ...delta });
    if (this.#options.seat.full) this.#upstream.read('paused');
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
    const { seat, record, onFault, onEnd } = this.#options;
    switch (effect.type) {
      case 'connect':
        this.#readiness.become('starting');
        return this.#upstream.connect();
      case 'pass':
        return seat.pass(effect.text);
      case 'to_caller':
        return seat.send(this.#shown(effect.event));
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
