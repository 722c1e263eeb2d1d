// One engine: its life (engine-life.ts) and those who use it (engine-lobby.ts), alone or as one of a group. Owned by its
// scope, as is each of its runs by a scope below: closing the one or the other ends what runs.
import type { Clock } from '../lifecycle/clock.ts';
import type { Deadline } from '../lifecycle/deadline.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import type { Scope } from '../lifecycle/scope.ts';
import { Announcer } from '../telemetry/announcer.ts';
import { whileAdmitted } from './admitted.ts';
import { AskedEnd, type EndGoal } from './asked-end.ts';
import type { Capability, ChatPart, PcmChunk, TranscriptPart, VadStream } from './contract.ts';
import type { EngineTurns, GroupMember } from './engine-group.ts';
import { LifeShell } from './engine-life.ts';
import { EngineLobby, type LobbyLimits } from './engine-lobby.ts';
import type { StopOutcome } from './engine-run.ts';
import { type EngineWatch, watchOver } from './engine-watch.ts';
import type { ChatCall, EngineInstance, Spawner, SpeakCall, TranscribeCall } from './instance.ts';
import type { AdmitOptions, Lease } from './lease.ts';
import { ModelMemory } from './model-memory.ts';
import { readyFor, type Standing, standingOf } from './standing.ts';
import { atOnce } from './start-gate.ts';
import type { EngineLife, LifeLimits, Rest } from './state.ts';
import { type EngineStatus, statusOf } from './status.ts';
import { UnusedTimer } from './unused-timer.ts';

export interface EngineOptions {
  readonly name: string;
  readonly kind: string;
  readonly clock: Clock;
  readonly limits: LifeLimits;
  readonly scope: Scope;
  /** Makes the spawner of one instance; its scope closes when the instance is gone. */
  readonly spawner: (scope: Scope) => Spawner;
  /** 0 to 1. */
  readonly random: () => number;
  readonly onChange: (engine: Engine, before: EngineLife) => void;
  /** How long the load under way will take in all, where somebody knows. */
  readonly expectedMs?: () => number | null;
  /** A listener of `onChange` threw. */
  readonly onListenerFault: (error: unknown) => void;
  /** What it is known to offer before it has loaded. Default: nothing. */
  readonly offers?: readonly Capability[] | undefined;
  /** Default `eager`. */
  readonly start?: 'eager' | 'lazy';
  /** Callers that may wait for it, and how long. Default: 64, 60 s. */
  readonly waiting?: LobbyLimits;
  /** A stop, restart or unload waits so long for the calls under way. Default 10 s. */
  readonly drainMs?: number;
  /** Unloaded when nobody has used it for so long. Default: never. */
  readonly idleMs?: number | undefined;
  /** Who decides when it starts. Default: it starts when it is needed. */
  readonly turns?: EngineTurns;
  /** Of its configuration and its model's files as they are now. Default: always the same. */
  readonly modelKey?: () => Promise<string>;
}

export type Readiness = Exclude<Standing, { readonly state: 'waiting' }>;

const waitingDefault: LobbyLimits = { max: 64, ms: 60_000 };
const drainMsDefault = 10_000;

export class Engine {
  readonly name: string;
  readonly kind: string;
  readonly lobby: EngineLobby;
  readonly #options: EngineOptions;
  readonly #shell: LifeShell;
  readonly #changes: Announcer<EngineStatus>;
  readonly #ending: AskedEnd;
  readonly #member: GroupMember;
  readonly #model: ModelMemory;
  #watch: EngineWatch | undefined;
  readonly #unused: UnusedTimer;
  /** Somebody has asked for it, and its turn has not come yet. */
  #asked: 'nothing' | 'start' = 'nothing';

  constructor(options: EngineOptions) {
    const { name, scope, clock, waiting = waitingDefault, drainMs = drainMsDefault } = options;
    this.name = name;
    this.kind = options.kind;
    this.#options = options;
    this.#changes = new Announcer(options.onListenerFault);
    this.#shell = new LifeShell({ ...options, onStep: (before) => this.#stepped(before) });
    this.lobby = new EngineLobby({
      clock,
      limits: waiting,
      standing: () => this.#standing,
      status: () => this.status(),
      need: () => this.need(),
      released: (end) => this.#watch?.ended(end),
      used: () => this.#look(),
    });
    this.#ending = new AskedEnd({
      lobby: this.lobby,
      drainMs,
      end: (goal) => this.#end(goal),
      onChange: () => this.tell(),
    });
    this.#unused = new UnusedTimer(clock, options.idleMs, () => this.#end('idle'));
    this.#member = this.#asMember();
    this.#model = new ModelMemory(clock, options.modelKey ?? (async () => ''));
    // Runs after the scopes of the instances have closed: a retry may be left to take back.
    scope.defer('life', () => {
      this.lobby.close(new GreenroomError('engine_stopped', `engine ${name}: the gateway is leaving`));
      this.#unused.look(false);
      this.#shell.feed({ type: 'stop', graceMs: 0 });
    });
  }

  get life(): EngineLife {
    return this.#shell.life;
  }

  get offers(): readonly Capability[] {
    const told = this.#shell.instance?.offers ?? [];
    return told.length > 0 ? told : (this.#options.offers ?? []);
  }

  status(): EngineStatus {
    const { clock, expectedMs, start = 'eager' } = this.#options;
    const { offers } = this;
    const { name, kind, life, lobby } = this;
    return statusOf({
      ...{ name, kind, start, life, offers, instance: this.#shell.instance },
      users: { waiting: lobby.waiting, leases: lobby.leases },
      ending: this.#ending.goal ?? null,
      expectedMs: expectedMs?.() ?? null,
      nowMs: clock.now(),
    });
  }

  /** Asked for: also one that was stopped, or has failed for good. No effect when its scope has closed. */
  start(): void {
    const { scope, turns = atOnce } = this.#options;
    if (scope.state !== 'open') return;
    this.#ending.forget();
    this.#asked = 'start';
    turns.need(this.#member);
  }

  /** Needed: wakes it when it is idle, and its turn has come. */
  need(): void {
    const { scope, turns = atOnce } = this.#options;
    const { state } = this.life;
    if (scope.state === 'open' && state !== 'stopped' && state !== 'failed') turns.need(this.#member);
  }

  /**
   * Stops, unloads or restarts it when the calls under way have ended, after `drainMs` at the latest. What was asked
   * last holds. Resolves when that has begun.
   */
  end(goal: EndGoal, drainMs?: number): Promise<void> {
    this.#unask();
    return this.#ending.ask(goal, drainMs);
  }

  /** Told of every change; returns the undo. */
  onChange(listener: (status: EngineStatus) => void): () => void {
    return this.#changes.listen(listener);
  }

  /** Something that is shown of it has changed, though its life has not. */
  tell(): void {
    this.#changes.announce(this.status());
  }

  /** Waits until it is ready or has failed for good. Rejects with `cancelled` when the signal aborts. */
  whenReady(signal: AbortSignal): Promise<Readiness> {
    const ready = (standing = this.#standing) => (standing.state === 'waiting' ? undefined : standing);
    return this.#changes.until<Readiness>(ready, signal, () => this.#unwanted);
  }

  /** As EngineLobby has it. One that has failed for good is tried again when its model is another. */
  async admit(options: AdmitOptions): Promise<Lease> {
    if (this.life.state === 'failed' && (await this.#model.changed())) this.start();
    return this.lobby.admit(options);
  }

  /** Throws `engine_not_ready` at once when it is not; waits while it changes hands. */
  speak(call: SpeakCall, signal: AbortSignal): AsyncIterable<PcmChunk> {
    return this.#call('speak', signal, (instance) => instance.speak(call, signal));
  }

  /** As `speak`. */
  chat(call: ChatCall, signal: AbortSignal): AsyncIterable<ChatPart> {
    return this.#call('chat', signal, (instance) => instance.chat(call, signal));
  }

  /** As `speak`. */
  transcribe(call: TranscribeCall, signal: AbortSignal): AsyncIterable<TranscriptPart> {
    return this.#call('transcribe', signal, (instance) => instance.transcribe(call, signal));
  }

  openVad(rateHz: number): VadStream {
    return this.#ready('vad').openVad(rateHz);
  }

  /** Asks it to end, kills it when its grace is over, and waits until it is gone with all it held. */
  stop(deadline: Deadline, rest: Rest = 'stopped'): Promise<StopOutcome> {
    // What was asked before would start it again once its calls have ended, or its turn has come.
    this.#ending.forget();
    this.#unask();
    return this.#shell.stop(deadline, rest);
  }

  /** Ends it, without asking. */
  kill(): void {
    this.#shell.run?.kill();
  }

  /** It does not start any more when its turn comes: who waited for that hears so. */
  #unask(): void {
    if (this.#asked === 'nothing') return;
    this.#asked = 'nothing';
    this.lobby.look();
  }

  #stepped(before: EngineLife): void {
    const { clock, limits, onChange } = this.#options;
    const { state, instance } = this.life;
    if (instance !== before.instance) this.#model.started();
    if (state !== 'ready' || instance !== before.instance) {
      this.#watch?.stop();
      this.#watch = undefined;
    }
    if (state === 'ready' && !this.#watch) {
      const { instance: runs } = this.#shell;
      const onUnfit = (why: string) => this.#unfit(why);
      this.#watch = watchOver(runs, this.lobby, { clock, stallMs: limits.stallMs, onUnfit });
    }
    this.lobby.look();
    this.#look();
    onChange(this, before);
    this.tell();
  }

  #unfit(why: string): void {
    const { pid, logTail = [] } = this.#shell.instance ?? {};
    const message = `engine ${this.name}${pid ? ` (pid ${pid})` : ''} does not work any more: ${why}`;
    this.#shell.unfit({ code: 'engine_unreachable', message, logTail, kind: 'passing' });
  }

  #look(): void {
    this.#unused.look(this.life.state === 'ready' && !this.lobby.wanted);
  }

  #end(goal: EndGoal): void {
    const graceMs = this.#options.limits.stopGraceMs;
    // Who comes for one that is restarted waits, also where its turn has to come first.
    this.#shell.feed({ type: 'stop', graceMs, rest: goal === 'stopped' ? 'stopped' : 'idle' });
    if (goal === 'restart') this.start();
    if (goal === 'idle' && this.lobby.waiting > 0) this.need();
  }

  #asMember(): GroupMember {
    const { name, lobby } = this;
    const loaded = () => (this.life.state === 'starting' ? undefined : ('settled' as const));
    return {
      name,
      wake: () => {
        this.#shell.feed({ type: this.#asked === 'start' ? 'start' : 'need' });
        this.#asked = 'nothing';
      },
      wanted: () => this.#asked === 'start' || lobby.wanted,
      resting: () => !this.#shell.run && this.life.state !== 'backoff',
      settled: async (signal) =>
        void (await this.#changes.until(loaded, signal, () => this.#unwanted).catch(() => undefined)),
      vacate: (ms) => lobby.drain('group', ms),
      reopen: () => lobby.open('group'),
      unload: async () => {
        const { run } = this.#shell;
        this.#end('idle');
        await run?.released;
      },
    };
  }

  #call<Chunk>(
    capability: Capability,
    signal: AbortSignal,
    run: (instance: EngineInstance) => AsyncIterable<Chunk>,
  ): AsyncIterable<Chunk> {
    this.#ready(capability);
    return whileAdmitted((options) => this.admit(options), signal, run);
  }

  get #standing(): Standing {
    const standing = standingOf(this.name, this.life, this.#shell.instance);
    // It has been asked to start, and does when its turn comes.
    return standing.state === 'failed' && this.#asked === 'start' ? { state: 'waiting' } : standing;
  }

  #ready(capability: Capability): EngineInstance {
    return readyFor(capability, this.name, this.life, this.#shell.instance);
  }

  get #unwanted(): GreenroomError {
    return new GreenroomError('cancelled', `nobody waits for engine ${this.name} any more`);
  }
}
