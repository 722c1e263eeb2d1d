// One time that somebody else's engine is used: from the question whether it is there until it is not, or nobody wants it
// any more. It is never started or stopped; while nobody uses it, it is asked now and then whether it is there.
import type { UrlEngineConfig } from '../../config/types.ts';
import { type Clock, delay } from '../../lifecycle/clock.ts';
import { GreenroomError } from '../../lifecycle/errors.ts';
import type { Scope } from '../../lifecycle/scope.ts';
import type { Capability } from '../contract.ts';
import { type Endpoint, endpointText } from '../endpoint.ts';
import type { CheckDepth, CheckVerdict } from '../engine-watch.ts';
import { HttpCalls } from '../http/calls.ts';
import { HttpInstance } from '../http/instance.ts';
import { missedBy, type Refusal } from '../http/ladder.ts';
import { LiveCalls } from '../http/live-calls.ts';
import { Pace } from '../http/pace.ts';
import type { ProbeTarget } from '../http/probe.ts';
import type { SpawnRequest } from '../instance.ts';
import type { OutputLog } from '../output-log.ts';
import { dialectOf } from '../presets/dialect.ts';
import { climbUrl } from './climb.ts';
import { endpointOf } from './endpoint.ts';

export interface UrlOptions {
  readonly config: UrlEngineConfig;
  readonly clock: Clock;
  /** Of this instance. */
  readonly scope: Scope;
  /** It writes nothing; what it says of its failures is masked as a log is. */
  readonly log: OutputLog;
  /** Said after what is wrong, when it is not there. */
  readonly hint?: string;
}

/** From a check that failed to the next, which counts. */
const secondCheckMs = 1000;

export class UrlInstance extends HttpInstance {
  readonly pid = null;
  readonly port = null;
  readonly endpoint: Endpoint;
  readonly #options: UrlOptions;
  readonly #target: ProbeTarget;
  readonly #http: HttpCalls;
  #modelName: string | undefined;

  constructor(request: SpawnRequest, options: UrlOptions) {
    super(request, options.log);
    const { config, clock, scope, log } = options;
    this.#options = options;
    this.#modelName = config.modelName;
    this.endpoint = endpointOf(config);
    const { http: path = '/', status, body, loading, probeTimeoutMs: timeoutMs, stallMs } = config.ready;
    this.#target = { endpoint: this.endpoint, path, status, body, loading, timeoutMs };
    this.#http = new HttpCalls({
      ...{ engine: request.engine, endpoint: this.endpoint, clock, stallMs, mask: log.mask },
      model: () => this.#modelName ?? request.engine,
      dialect: dialectOf(config.preset, 'theirs'),
    });
    scope.spawn('watch', (signal) => this.#watch(signal));
  }

  get offers(): readonly Capability[] {
    return this.#options.config.offers ?? [];
  }

  get modelName(): string | null {
    return this.#modelName ?? null;
  }

  protected get where(): string {
    return this.#options.config.url;
  }

  /** It lives on; what we have under way there does not. */
  terminate(): void {
    if (this.stop === 'asked') return;
    this.stop = 'asked';
    const { engine } = this.request;
    const message = `engine ${engine} is being stopped`;
    this.#http.end(new GreenroomError('engine_stopped', message));
    // Later, as any exit: whoever asked has not finished its step.
    queueMicrotask(() => this.gone({ code: 'engine_stopped', message, kind: 'passing' }));
  }

  kill(): void {
    this.terminate();
  }

  /** Whether it is there is looked after below; a request that may cost money is nobody's check. */
  override async check(depth: CheckDepth): Promise<CheckVerdict> {
    if (depth === 'alive') return { state: 'well' };
    return super.check(this.#options.config.ready.generate ? 'works' : 'alive');
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { config, clock, scope } = this.#options;
    const { events, engine } = this.request;
    const climbed = await climbUrl({
      ...{ config, target: this.#target, calls: this.#http, clock, pace: new Pace(clock), scope, signal },
      climbed: (rung, evidence) => this.climbed(rung, evidence),
      progressed: (text) => events.progressed(null, text),
      named: (model) => {
        this.#modelName = model;
      },
    });
    if (climbed.state === 'aborted' || this.stop === 'asked') return;
    if (climbed.state === 'refused') return this.#refuseWithHint(climbed.refusal);
    const { offers } = this;
    this.calls = new LiveCalls({
      ...{ calls: this.#http, engine, offers, target: this.#target, clock, scope, signal: scope.signal },
      generateTimeoutMs: config.ready.generateTimeoutMs,
      ...this.watching(),
    });
    this.state = 'ready';
    this.climbed('ready', `${endpointText(this.endpoint)} is used as it is`);
    await this.#lookAfter(this.calls, signal);
  }

  async #lookAfter(calls: LiveCalls, signal: AbortSignal): Promise<void> {
    const { config, clock } = this.#options;
    const { checkEveryMs } = config;
    const missed = () => missedBy(this.#target, clock, signal);
    for (;;) {
      const waited = await delay(clock, Math.max(1, checkEveryMs - calls.idleMs), signal);
      if (waited === 'aborted') return;
      // One that answers its callers need not be asked.
      if (calls.idleMs < checkEveryMs) continue;
      let refusal = await missed();
      // A busy one may miss a question.
      if (refusal && (await delay(clock, secondCheckMs, signal)) === 'elapsed') refusal = await missed();
      if (signal.aborted) return;
      if (refusal) return this.#refuseWithHint(refusal);
      calls.seen();
    }
  }

  #refuseWithHint(refusal: Refusal): void {
    const { hint } = this.#options;
    const said = refusal.code === 'engine_unreachable' && hint ? `${refusal.why}; ${hint}` : refusal.why;
    this.refuse({ ...refusal, why: said });
  }
}
