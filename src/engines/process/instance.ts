// One run of a `run:` engine: a program in a process group of its own, at a place of its own, ready when it has climbed
// its ladder (climb.ts). Whatever it was given is given back by the scope of the instance.
import type { RunEngineConfig } from '../../config/types.ts';
import type { Clock } from '../../lifecycle/clock.ts';
import { toGreenroomError } from '../../lifecycle/errors.ts';
import type { Scope } from '../../lifecycle/scope.ts';
import type { FailureCause } from '../causes.ts';
import type { Capability } from '../contract.ts';
import type { Endpoint } from '../endpoint.ts';
import { HttpCalls } from '../http/calls.ts';
import { HttpInstance } from '../http/instance.ts';
import { LiveCalls } from '../http/live-calls.ts';
import { Pace } from '../http/pace.ts';
import type { ProbeTarget } from '../http/probe.ts';
import type { SpawnRequest } from '../instance.ts';
import type { Left } from '../journal.ts';
import type { ModelFile } from '../model-file.ts';
import type { OutputLog } from '../output-log.ts';
import { isPassing } from '../passing.ts';
import { dialectOf } from '../presets/dialect.ts';
import { ProgressReader } from '../presets/progress.ts';
import type { ProcessEnd, ProcessGroup } from '../process-group.ts';
import type { Reaper } from '../reaper.ts';
import { climb } from './climb.ts';
import { failureOf } from './end.ts';
import { type AskOwnership, nobodyLooks } from './ownership.ts';
import { type Place, takePlace } from './place.ts';
import { portHolders } from './port-holders.ts';
import { spawnProgram } from './spawn.ts';
import { unheardText } from './unheard.ts';

export interface ProgramOptions {
  readonly config: RunEngineConfig;
  /** What it inherits. Default: all that we have. */
  readonly inherited?: NodeJS.ProcessEnv | undefined;
  readonly clock: Clock;
  /** Of this instance: closes when it is gone. */
  readonly scope: Scope;
  readonly reaper: Reaper;
  readonly log: OutputLog;
  readonly model?: ModelFile | undefined;
  /** Default: nobody was left behind. */
  readonly journal?: Left | undefined;
  /** Who listens at an address. Default: nobody can tell. */
  readonly ownership?: AskOwnership | undefined;
}

export class ProgramInstance extends HttpInstance {
  readonly #options: ProgramOptions;
  readonly #pace: Pace;
  readonly #readyLine = Promise.withResolvers<void>();
  #place: Place | undefined;
  #group: ProcessGroup | undefined;
  /** While it loads. */
  #progress: ProgressReader | undefined;

  constructor(request: SpawnRequest, options: ProgramOptions) {
    super(request, options.log);
    this.#options = options;
    this.#pace = new Pace(options.clock);
    options.scope.spawn('start', (signal) => this.#start(signal));
  }

  get pid(): number | null {
    return this.#group?.pid ?? null;
  }

  get port(): number | null {
    return this.#place?.port ?? null;
  }

  get endpoint(): Endpoint | null {
    return this.#place?.endpoint ?? null;
  }

  get modelName(): string | null {
    return this.#options.config.modelName ?? null;
  }

  get offers(): readonly Capability[] {
    return this.#options.config.offers ?? [];
  }

  protected get where(): string {
    return `pid ${this.pid}`;
  }

  terminate(): void {
    this.stop = 'asked';
    this.#group?.signal('SIGTERM');
  }

  kill(): void {
    this.stop = 'asked';
    this.#group?.signal('SIGKILL');
  }

  async unheard(): Promise<string> {
    const { config } = this.#options;
    if (!this.#place || config.ready.http === undefined) return '';
    return unheardText(config, this.#place, this.request.marker).catch(() => '');
  }

  async #start(signal: AbortSignal): Promise<void> {
    const { config, scope, log, clock, journal, model } = this.#options;
    const { engine } = this.request;
    signal.addEventListener('abort', () => this.#readyLine.resolve(), { once: true });
    if (config.ready.log !== undefined) log.whenSaid(config.ready.log, () => this.#saidReady());
    let place: Place;
    try {
      await model?.check();
      place = await takePlace(config, engine, { journal, clock });
      scope.defer('place', () => place.release());
    } catch (error) {
      const { code, message, details, cause } = toGreenroomError(error, 'engine_port_taken');
      const known = details['cause'] as FailureCause | undefined;
      const kind = isPassing(cause) ? 'passing' : 'lasting';
      return this.gone({ code, message, kind, ...(known && { cause: known }) });
    }
    this.#place = place;
    if (this.stop === 'asked' || signal.aborted) {
      const message = `engine ${engine} was stopped before its program ran`;
      return this.gone({ code: 'engine_stopped', message, kind: 'passing' });
    }
    if (process.platform === 'win32') {
      const why = 'Windows has no process groups to end it by; run greenroom in WSL';
      const message = `engine ${engine}: cannot start a program: ${why}`;
      return this.gone({ code: 'engine_program_missing', message, kind: 'lasting' });
    }
    this.#spawn(place);
    if (this.pid === null) return;
    this.climbed('spawned', `pid ${this.pid}: ${config.run[0]}`);
    this.climbed('alive', `pid ${this.pid}: ${config.run[0]}`);
    await this.#climb(place, this.pid, signal);
  }

  #spawn(place: Place): void {
    const { config, inherited, log, clock, reaper } = this.#options;
    const { marker, events } = this.request;
    this.#progress = new ProgressReader(clock, ({ fraction, text }) =>
      events.progressed(fraction, text && log.mask(text)),
    );
    this.#group = spawnProgram({
      ...{ config, place, inherited, log, marker, reaper, clock },
      onOutput: (source, chunk) => {
        log.write(source, chunk);
        events.active();
        // It is about to be ready, for all we know.
        this.#pace.stir();
        this.#progress?.push(source, chunk);
      },
      onEnd: (end) => void this.#ended(end, place),
    });
  }

  async #climb(place: Place, pid: number, signal: AbortSignal): Promise<void> {
    const { config, clock, scope, log, ownership = nobodyLooks } = this.#options;
    const { engine, marker, events } = this.request;
    const { endpoint } = place;
    const { http: path = '/', status, body, loading, probeTimeoutMs: timeoutMs, stallMs } = config.ready;
    const target: ProbeTarget = { endpoint, path, status, body, loading, timeoutMs };
    const calls = new HttpCalls({
      ...{ engine, endpoint, clock, stallMs, mask: log.mask },
      model: () => config.modelName ?? engine,
      dialect: dialectOf(config.preset, 'ours'),
    });
    const climbed = await climb({
      ...{ config, place, target, pid, marker, calls, clock, pace: this.#pace, scope, signal },
      ask: ownership,
      said: this.#readyLine.promise,
      climbed: (rung, evidence) => this.climbed(rung, evidence),
      progressed: (text) => events.progressed(null, text),
    });
    if (climbed.state === 'aborted') return;
    if (climbed.state === 'refused') return this.refuse(climbed.refusal);
    const { offers } = this;
    this.calls = new LiveCalls({
      ...{ calls, engine, offers, target, clock, scope, signal: scope.signal },
      generateTimeoutMs: config.ready.generateTimeoutMs,
      ...this.watching(),
    });
    this.#progress?.end();
    if (this.state === 'starting') this.state = 'ready';
    this.climbed('ready', 'all that was asked of it holds');
  }

  #saidReady(): void {
    this.#readyLine.resolve();
    this.#pace.hurry();
  }

  async #ended(end: ProcessEnd, { choice, address }: Place): Promise<void> {
    this.#progress?.end();
    const { config } = this.#options;
    const failure = await failureOf(end, {
      ...{ engine: this.request.engine, pid: this.pid, program: config.run[0] ?? '', cwd: config.cwd },
      ...{ stage: this.state === 'ready' ? 'ready' : 'starting', stop: this.stop, choice },
      heldBy: () => this.#heldBy(address),
      change: (await this.#options.model?.whatChanged()) ?? '',
      lines: this.logTail,
    });
    this.gone(failure);
  }

  async #heldBy(address: Place['address']): Promise<string | undefined> {
    if (!('port' in address)) return undefined;
    const { state, text } = await portHolders(address, this.#options.journal);
    return state === 'held' ? text : undefined;
  }
}
