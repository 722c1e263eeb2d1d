// One run of a `run:` engine: a program in a process group of its own, on a port of its own, ready when it says so
// over HTTP (and in its log, where a line is asked for).
import { type ChildProcess, spawn } from 'node:child_process';
import type { Clock } from '../../lifecycle/clock.ts';
import type { ErrorCode } from '../../lifecycle/codes.ts';
import { GreenroomError, messageOf } from '../../lifecycle/errors.ts';
import type { Scope } from '../../lifecycle/scope.ts';
import type { Capability, PcmChunk, VadStream } from '../contract.ts';
import type { EngineInstance, SpawnRequest, SpeakCall } from '../instance.ts';
import type { OutputLog } from '../output-log.ts';
import { type Reaper, signalGroup } from '../reaper.ts';
import type { EngineFailure } from '../state.ts';
import { commandLine, engineEnvironment } from './command.ts';
import { speakOverHttp } from './http-speech.ts';
import { reservePort } from './ports.ts';
import { Pace, probeUntilReady } from './probe.ts';

export interface ProgramOptions {
  readonly run: readonly string[];
  readonly host: string;
  readonly port: number | 'auto';
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly offers: readonly Capability[];
  readonly ready: {
    /** Health path; undefined where only the log tells. */
    readonly http: string | undefined;
    readonly status: number;
    /** A line of output that contains this. */
    readonly log: string | undefined;
    readonly probeTimeoutMs: number;
  };
  readonly clock: Clock;
  /** Of this instance: closes when it is gone. */
  readonly scope: Scope;
  readonly reaper: Reaper;
  readonly log: OutputLog;
}

/** How long after its exit a program's last output may still arrive (a grandchild may hold the pipe for ever). */
const lastOutputMs = 100;

export class ProgramInstance implements EngineInstance {
  readonly #request: SpawnRequest;
  readonly #options: ProgramOptions;
  #child: ChildProcess | undefined;
  #port: number | null = null;
  #state: 'preparing' | 'running' | 'gone' = 'preparing';
  #stopAsked = false;
  readonly #logMatched = Promise.withResolvers<void>();
  readonly #pace: Pace;
  #activeCalls = 0;

  constructor(request: SpawnRequest, options: ProgramOptions) {
    this.#request = request;
    this.#options = options;
    this.#pace = new Pace(options.clock);
    options.log.onLine = (line) => this.#heardLine(line);
    options.scope.spawn('start', (signal) => this.#start(signal));
  }

  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  get port(): number | null {
    return this.#port;
  }

  get offers(): readonly Capability[] {
    return this.#options.offers;
  }

  get logTail(): readonly string[] {
    return this.#options.log.tail;
  }

  get activeCalls(): number {
    return this.#activeCalls;
  }

  terminate(): void {
    this.#stopAsked = true;
    if (this.pid !== null) signalGroup(this.pid, 'SIGTERM');
  }

  kill(): void {
    this.#stopAsked = true;
    if (this.pid !== null) signalGroup(this.pid, 'SIGKILL');
  }

  async *speak(call: SpeakCall, signal: AbortSignal): AsyncGenerator<PcmChunk> {
    const { engine } = this.#request;
    this.#activeCalls += 1;
    try {
      yield* speakOverHttp({ engine, host: this.#options.host, port: this.#port ?? 0, ...call }, signal);
    } finally {
      this.#activeCalls -= 1;
    }
  }

  openVad(): VadStream {
    throw new GreenroomError(
      'engine_call_unsupported',
      `engine ${this.#request.engine}: a program has no vad; use a worker`,
    );
  }

  async #start(signal: AbortSignal): Promise<void> {
    const { host, port, log, scope } = this.#options;
    const { engine, marker, events } = this.#request;
    try {
      const reservation = await reservePort(host, port, engine);
      scope.defer('port', () => reservation.release());
      this.#port = reservation.port;
    } catch (error) {
      return this.#gone(this.#failure('engine_port_taken', messageOf(error), 'lasting'));
    }
    if (this.#stopAsked)
      return this.#gone(this.#failure('engine_stopped', `engine ${engine} was stopped`, 'passing'));
    const facts = { port: this.#port, host, marker };
    const [program = '', ...args] = commandLine(this.#options, facts);
    const command = [program, ...args].join(' ');
    log.write('stderr', `greenroom: ${command}\n`);
    const child = spawn(program, args, {
      cwd: this.#options.cwd,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: engineEnvironment(this.#options, facts),
    });
    this.#child = child;
    this.#state = 'running';
    child.on('error', (error: NodeJS.ErrnoException) => {
      if (child.pid !== undefined) return;
      const why =
        error.code === 'ENOENT'
          ? `not found (looked for ${program} in PATH, from ${this.#options.cwd})`
          : error.message;
      this.#gone(
        this.#failure(
          'engine_program_missing',
          `engine ${engine}: cannot start ${program}: ${why}`,
          'lasting',
        ),
      );
    });
    if (child.pid === undefined) return;
    this.#options.reaper.add(child.pid, marker);
    for (const source of ['stdout', 'stderr'] as const) {
      child[source]?.on('data', (chunk: Buffer) => {
        log.write(source, chunk);
        events.active();
      });
    }
    child.on('exit', (code, exitSignal) => this.#exited(child, code, exitSignal));
    events.climbed('spawned');
    events.climbed('alive');
    await this.#untilReady(signal);
  }

  /** All conditions that are given must hold. */
  async #untilReady(signal: AbortSignal): Promise<void> {
    const { ready } = this.#options;
    const { events } = this.#request;
    if (ready.http !== undefined && (await this.#probe(ready.http, signal)) === 'aborted') return;
    if (ready.log !== undefined) {
      events.progressed(null, `waiting for the log line "${ready.log}"`);
      await this.#logMatched.promise;
      events.climbed('loaded');
    }
    if (this.#state === 'running') events.climbed('ready');
  }

  async #probe(path: string, signal: AbortSignal): Promise<'ready' | 'aborted'> {
    const { host, ready } = this.#options;
    const { events } = this.#request;
    let seen = '';
    const outcome = await probeUntilReady({
      target: { host, port: this.#port ?? 0, path, status: ready.status, timeoutMs: ready.probeTimeoutMs },
      pace: this.#pace,
      signal,
      onAnswer: (answer) => {
        if (answer.state === 'answered') events.climbed('listening');
        const said = answer.state === 'answered' ? `HTTP ${answer.status} from ${path}` : answer.why;
        if (said !== seen) events.progressed(null, said);
        seen = said;
      },
    });
    if (outcome === 'ready') events.climbed('http');
    return outcome;
  }

  #heardLine(line: string): void {
    const { log } = this.#options.ready;
    if (log === undefined || !line.includes(log)) return;
    this.#logMatched.resolve();
    this.#pace.hurry();
  }

  #exited(child: ChildProcess, code: number | null, exitSignal: NodeJS.Signals | null): void {
    const { clock, reaper } = this.#options;
    const { engine } = this.#request;
    const pid = child.pid ?? 0;
    // What it started in its group and left behind goes with it.
    signalGroup(pid, 'SIGKILL');
    reaper.remove(pid);
    const how = exitSignal ? `was ended by ${exitSignal}` : `exited with code ${code}`;
    const failure = () => this.#failure('engine_exited', `engine ${engine} (pid ${pid}) ${how}`, 'passing');
    const late = clock.after(lastOutputMs, () => child.stdout?.destroy() && child.stderr?.destroy());
    child.once('close', () => {
      late.cancel();
      this.#gone(failure());
    });
  }

  #gone(failure: EngineFailure): void {
    if (this.#state === 'gone') return;
    this.#state = 'gone';
    this.#options.log.close();
    this.#request.events.exited(failure);
  }

  #failure(code: ErrorCode, message: string, kind: EngineFailure['kind']): EngineFailure {
    return { code, message, kind, logTail: this.#options.log.tail };
  }
}
