// The connection of a stream: one link after the other, when to come back, when a silent one is given up. The shell
// around `life.ts`. It owns its link and timers; closed by its stream, or by its own end.
import type { GreenroomError } from '../../lifecycle/errors.ts';
import type { HubControl } from '../../wire/hub.ts';
import { shownUrl } from '../address.ts';
import { type LifeHost, LifeRunner } from '../life-runner.ts';
import type { ConnectionEnd, LifeEffect, LifeTimer, LifeWorld } from '../life-states.ts';
import type { Link, LinkEnd } from '../link.ts';
import { askWhy } from '../refusal.ts';
import { hintOf } from '../retry.ts';
import { type ClientWorld, Timers } from '../timers.ts';
import { errorOfEnd } from './failures.ts';
import type { CheckedEvents } from './options.ts';
import { Silence } from './silence.ts';
import type { SseLink } from './sse-link.ts';
import type { HubTold } from './told.ts';
import type { HubWire } from './wire-link.ts';

type Bye = HubControl & { readonly type: 'bye' };

export interface HubConnectionUser {
  /** Where the next link leads. */
  address(): string;
  onMessage(data: unknown): void;
  onOpened(): void;
  /** A link has ended, and another one may follow. */
  onLost(reason: string): void;
  onReconnecting(told: HubTold['reconnecting']): void;
  /** It never opened. */
  onRefused(error: GreenroomError): void;
  onClosed(end: ConnectionEnd, error: GreenroomError): void;
  /** Asks whoever serves the link whether it is there. */
  probe(): void;
  /** False: there is no room for what would come; `goOn` when there is. */
  mayDial(): boolean;
}

/** An explanation is asked for no longer than this. */
const askMs = 2000;
const slowClose = 4408;

export class HubConnection {
  readonly #options: CheckedEvents;
  readonly #world: ClientWorld;
  readonly #wire: HubWire;
  readonly #user: HubConnectionUser;
  readonly #url: string;
  readonly #silence: Silence;
  readonly #runner: LifeRunner;
  readonly #asking: Timers<'ask'>;
  #link: Link | SseLink | null = null;
  #question: AbortController | undefined;
  /** `held`: it is time to come back, and there is no room yet. */
  #return: 'free' | 'held' = 'free';
  /** Of this link: its last words, what it refused, when it wants to be asked again, why we have cut it. */
  #said: {
    readonly bye?: Bye;
    readonly error?: GreenroomError;
    readonly retryMs?: number;
    readonly cut?: { readonly reason: string; readonly whose: 'ours' | 'lost' };
    readonly hint?: string;
  } = {};

  constructor(options: CheckedEvents, world: ClientWorld, wire: HubWire, user: HubConnectionUser) {
    this.#options = options;
    this.#world = world;
    this.#wire = wire;
    this.#user = user;
    this.#url = shownUrl(options.base);
    this.#asking = new Timers(world);
    this.#silence = new Silence(world, {
      probe: () => user.probe(),
      lost: (ms) => this.cut(`nothing came for ${Math.round(ms / 1000)} s`, 'lost'),
    });
    this.#runner = new LifeRunner(this.#host(), new Timers<LifeTimer>(world));
  }

  get state() {
    return this.#runner.life.state;
  }

  get link(): Link | SseLink | null {
    return this.#link;
  }

  begin(): void {
    this.#runner.begin();
  }

  close(): void {
    this.#runner.take({ type: 'close', code: 1000, reason: '' });
  }

  /** `ours`: it was as it should be, and comes back when there is room. */
  cut(reason: string, whose: 'ours' | 'lost'): void {
    this.#said = { ...this.#said, cut: { reason, whose } };
    this.#link?.cut();
  }

  /** The link is not read for a while, so that whoever sends feels it; nothing is missed meanwhile. */
  pause(): void {
    this.#silence.end();
    this.#link?.pause();
  }

  resume(): void {
    this.#silence.begin();
    this.#link?.resume();
  }

  /** There is room again: what was held back comes now. */
  goOn(): void {
    if (this.#return === 'free') return;
    this.#return = 'free';
    this.#runner.take({ type: 'timer', name: 'retry', outage: 'afresh' });
  }

  /** The gateway has refused something that nobody asked: perhaps the connection. */
  refused(error: GreenroomError): void {
    this.#said = { ...this.#said, error };
  }

  bye(bye: Bye): void {
    this.#said = { ...this.#said, bye };
    // A refusal is told by the close that follows.
    if (bye.retryMs === null && bye.code !== 1001) return;
    this.#runner.take({ type: 'shutdown_noticed', message: bye.reason, retryMs: hintOf(bye.retryMs) });
  }

  #host(): LifeHost {
    return {
      lifeWorld: () => this.#lifeWorld(),
      dial: () => this.#dial(),
      cut: () => this.#link?.cut(),
      close: (code, reason) => this.#link?.close(code, reason),
      ask: () => void this.#ask(),
      stopAsking: () => this.#question?.abort(),
      mayDial: () => this.#mayDial(),
      neverOpened: (error) => {
        this.refused(error);
        this.#user.onRefused(error);
      },
      moved: (change) => this.#moved(change),
    };
  }

  #lifeWorld(): LifeWorld {
    const world = this.#world;
    // It has said that it does not want us back.
    const rules = this.#said.bye?.retryMs === null ? { reconnect: null, shutdown: 'end' as const } : {};
    const { life } = this.#options;
    return { ...life, ...rules, url: this.#url, nowMs: world.now(), random: () => world.random() };
  }

  #mayDial(): boolean {
    if (this.#user.mayDial()) return true;
    this.#return = 'held';
    return false;
  }

  #dial(): void {
    this.#said = {};
    this.#link = this.#wire.open(this.#user.address(), {
      onOpened: () => {
        this.#silence.begin();
        this.#runner.take({ type: 'socket_opened' });
      },
      onMessage: (data) => {
        this.#silence.heard();
        this.#user.onMessage(data);
      },
      onHeard: () => this.#silence.heard(),
      onRetry: (ms) => {
        this.#said = { ...this.#said, retryMs: ms };
      },
      onClosed: (end) => this.#linkClosed(end),
    });
  }

  #linkClosed({ hint, known, ...facts }: LinkEnd): void {
    this.#said = { ...this.#said, hint, ...(known && { error: known }) };
    const { bye, retryMs, cut } = this.#said;
    this.#link = null;
    this.#silence.end();
    // Server-sent events end without a code.
    const code = facts.code === 1006 && bye && !cut ? bye.code : facts.code;
    const reason = cut?.reason ?? (bye?.reason || facts.reason);
    this.#user.onLost(reason || 'the connection was lost');
    const ours = cut?.whose === 'ours' || code === slowClose;
    this.#runner.take({
      ...{ type: 'socket_closed', ...facts, code, reason, known, hintMs: hintOf(retryMs) },
      ...(ours && { whose: 'ours' }),
    });
  }

  async #ask(): Promise<void> {
    const question = new AbortController();
    this.#question = question;
    this.#asking.set('ask', askMs, () => question.abort());
    const { token } = this.#options;
    const { hint = '' } = this.#said;
    // The very same question, since the answer may be about any part of it; but for the watcher's name: whoever has it is
    // told what is told once.
    const asked = new URL(this.#user.address());
    asked.searchParams.delete('client');
    const error = await askWhy({
      ...{ socketUrl: asked.href, shown: this.#url, token, hint },
      ...{ accept: 'text/event-stream', signal: question.signal },
    });
    this.#asking.cancel('ask');
    this.refused(error);
    this.#runner.take({ type: 'explained', error });
  }

  #moved({ reason, attempt, retryMs }: LifeEffect & { readonly type: 'tell' }): void {
    const { life } = this.#runner;
    if (life.state === 'open') this.#user.onOpened();
    if (attempt !== null && retryMs !== null) this.#user.onReconnecting({ reason, attempt, retryMs });
    if (life.state !== 'closed') return;
    this.#runner.end();
    this.#asking.cancelAll();
    this.#silence.end();
    this.#user.onClosed(life.end, errorOfEnd(life.end, this.#url, this.#said.error));
  }
}
