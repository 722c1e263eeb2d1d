// One run of a `run:` engine: a program in a process group of its own, on a port of its own, ready when it says so
// over HTTP (and in its log, where a line is asked for).
import { spawn } from 'node:child_process';
import type { Clock } from '../../lifecycle/clock.ts';
import type { ErrorCode } from '../../lifecycle/codes.ts';
import { GreenroomError, toGreenroomError } from '../../lifecycle/errors.ts';
import type { Scope } from '../../lifecycle/scope.ts';
import type { Capability, ChatPart, PcmChunk, TranscriptPart, VadStream } from '../contract.ts';
import { type Endpoint, localEndpoint } from '../endpoint.ts';
import type { EngineInstance, SpawnRequest, SpeakCall } from '../instance.ts';
import type { Left } from '../journal.ts';
import type { ModelFile } from '../model-file.ts';
import type { OutputLog } from '../output-log.ts';
import { isPassing } from '../passing.ts';
import { type ProcessEnd, ProcessGroup } from '../process-group.ts';
import type { Reaper } from '../reaper.ts';
import type { EngineFailure } from '../state.ts';
import { commandLine, engineEnvironment, whySpawnFailed } from './command.ts';
import { ConnectionLost, speakOverHttp } from './http-speech.ts';
import { reservePort } from './ports.ts';
import { Pace, type ProbeAnswer, probeUntilReady } from './probe.ts';
import { secondLook, type Verdict } from './second-look.ts';

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
    /** Also of a call: it may give nothing for so long. */
    readonly stallMs: number;
  };
  readonly clock: Clock;
  /** Of this instance: closes when it is gone. */
  readonly scope: Scope;
  readonly reaper: Reaper;
  readonly model?: ModelFile | undefined;
  /** Default: nobody was left behind. */
  readonly journal?: Left | undefined;
  readonly log: OutputLog;
}

export class ProgramInstance implements EngineInstance {
  readonly #request: SpawnRequest;
  readonly #options: ProgramOptions;
  readonly #pace: Pace;
  readonly #readyLine = Promise.withResolvers<void>();
  #state: 'preparing' | 'running' | 'gone' = 'preparing';
  #stop: 'none' | 'asked' = 'none';
  /** Why it is unfit, or gone: the first cause. */
  #failure: EngineFailure | undefined;
  #looking: Promise<Verdict> | undefined;
  #port: number | null = null;
  #group: ProcessGroup | undefined;
  #activeCalls = 0;

  constructor(request: SpawnRequest, options: ProgramOptions) {
    this.#request = request;
    this.#options = options;
    this.#pace = new Pace(options.clock);
    options.scope.spawn('start', (signal) => this.#start(signal));
  }

  get pid(): number | null {
    return this.#group?.pid ?? null;
  }

  get port(): number | null {
    return this.#port;
  }

  get endpoint(): Endpoint | null {
    return this.#port === null ? null : localEndpoint({ host: this.#options.host, port: this.#port });
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
    this.#stop = 'asked';
    this.#group?.signal('SIGTERM');
  }

  kill(): void {
    this.#stop = 'asked';
    this.#group?.signal('SIGKILL');
  }

  async *speak(call: SpeakCall, signal: AbortSignal): AsyncGenerator<PcmChunk> {
    const { engine } = this.#request;
    const { host, clock, ready, log } = this.#options;
    if (this.#state !== 'running' || this.#port === null)
      throw new GreenroomError('engine_stopped', `engine ${engine} is gone`);
    const { stallMs } = ready;
    const { mask } = log;
    let lost: ConnectionLost;
    this.#activeCalls += 1;
    try {
      return yield* speakOverHttp({ engine, host, port: this.#port, clock, stallMs, mask, ...call }, signal);
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
      lost = error;
    } finally {
      this.#activeCalls -= 1;
    }
    const why = await orAborted(this.#whyLost(lost, this.#port), signal);
    if (why) throw why;
  }

  chat(): AsyncIterable<ChatPart> {
    throw this.#unsupported('chat');
  }

  transcribe(): AsyncIterable<TranscriptPart> {
    throw this.#unsupported('transcribe');
  }

  async embed(): Promise<readonly Float32Array[]> {
    throw this.#unsupported('embed');
  }

  openVad(): VadStream {
    throw this.#unsupported('vad');
  }

  #unsupported(what: string): GreenroomError {
    const message = `engine ${this.#request.engine}: a program has no ${what} of this kind; use a worker`;
    return new GreenroomError('engine_call_unsupported', message);
  }

  /** What a caller is told whose connection is lost. If the program is gone it is given up, whatever its launcher does. */
  async #whyLost(lost: ConnectionLost, port: number): Promise<GreenroomError> {
    const { engine } = this.#request;
    if (this.#stop === 'none') {
      // One look for all who ask at a time.
      this.#looking ??= this.#look(port);
      const verdict = await this.#looking;
      if (verdict.state === 'there' && !this.#failure) {
        const message = `engine ${engine}: speech: ${lost.message}; ${verdict.facts}`;
        return new GreenroomError('engine_call_failed', message, { cause: lost });
      }
    }
    if (!this.#failure) return new GreenroomError('engine_stopped', `engine ${engine} is being stopped`);
    const { code, message, logTail } = this.#failure;
    return new GreenroomError(code, `${message}; it is tried again`, { details: { logTail }, cause: lost });
  }

  async #look(port: number): Promise<Verdict> {
    const { clock, host, scope, ready } = this.#options;
    const { http: path = '/', status, probeTimeoutMs: timeoutMs } = ready;
    const verdict = await secondLook({
      target: { host, port, path, status, timeoutMs },
      ...{ clock, signal: scope.signal, callsUnderWay: () => this.#activeCalls },
    });
    this.#looking = undefined;
    if (verdict.state === 'there' || this.#stop === 'asked' || this.#failure) return verdict;
    const who = `engine ${this.#request.engine} (pid ${this.pid}) at ${host}:${port}`;
    const message = `${who} answers no more: ${verdict.why}`;
    this.#failure = { code: 'engine_unreachable', message, kind: 'passing', logTail: this.logTail };
    this.#request.events.failed(this.#failure);
    return verdict;
  }

  async #start(signal: AbortSignal): Promise<void> {
    const { host, port, scope, ready, log, journal, model } = this.#options;
    const { engine } = this.#request;
    signal.addEventListener('abort', () => this.#readyLine.resolve(), { once: true });
    if (ready.log !== undefined) log.whenSaid(ready.log, () => this.#saidReady());
    let reserved: number;
    try {
      await model?.check();
      const reservation = await reservePort(host, port, engine, journal);
      scope.defer('port', () => reservation.release());
      reserved = reservation.port;
    } catch (error) {
      const { code, message, cause } = toGreenroomError(error, 'engine_port_taken');
      return this.#gone(code, message, isPassing(cause) ? 'passing' : 'lasting');
    }
    this.#port = reserved;
    if (this.#stop === 'asked' || signal.aborted)
      return this.#gone('engine_stopped', `engine ${engine} was stopped before its program ran`, 'passing');
    if (process.platform === 'win32') {
      const why = 'Windows has no process groups to end it by; run greenroom in WSL';
      const message = `engine ${engine}: cannot start a program: ${why}`;
      return this.#gone('engine_program_missing', message, 'lasting');
    }
    this.#spawn(reserved);
    if (this.pid === null) return;
    this.#request.events.climbed('spawned');
    this.#request.events.climbed('alive');
    await this.#untilReady(reserved, signal);
  }

  #spawn(port: number): void {
    const { host, cwd, log, clock, reaper } = this.#options;
    const { marker, events } = this.#request;
    const facts = { port, host, marker };
    const [program = '', ...args] = commandLine(this.#options, facts);
    log.note(`greenroom: ${[program, ...args].join(' ')}`);
    this.#state = 'running';
    this.#group = new ProcessGroup({
      open: () =>
        spawn(program, args, {
          cwd,
          detached: true,
          // Its input ends when we do: what ends with its input needs no reaper.
          stdio: ['pipe', 'pipe', 'pipe'],
          env: engineEnvironment(this.#options, facts),
        }),
      ...{ marker, reaper, clock },
      onOutput: (source, chunk) => {
        log.write(source, chunk);
        events.active();
      },
      onEnd: (end) => void this.#ended(end, program),
    });
  }

  /** All conditions that are given must hold. */
  async #untilReady(port: number, signal: AbortSignal): Promise<void> {
    const { host, ready, clock } = this.#options;
    const { events } = this.#request;
    if (ready.http !== undefined) {
      const { http: path, status, probeTimeoutMs: timeoutMs } = ready;
      await probeUntilReady({
        target: { host, port, path, status, timeoutMs },
        ...{ clock, signal, pace: this.#pace },
        onChange: (answer) => this.#answered(answer, path),
      });
    }
    if (ready.log !== undefined && !signal.aborted) {
      events.progressed(null, `waiting for the log line "${ready.log}"`);
      await this.#readyLine.promise;
    }
    if (signal.aborted) return;
    events.climbed('loaded');
    events.climbed('ready');
  }

  #answered(answer: ProbeAnswer, path: string): void {
    const { events } = this.#request;
    if (answer.state !== 'refused') events.climbed('listening');
    if (answer.state === 'answered') events.climbed('http');
    events.progressed(null, answer.state === 'answered' ? `HTTP ${answer.status} from ${path}` : answer.why);
  }

  #saidReady(): void {
    this.#readyLine.resolve();
    this.#pace.hurry();
  }

  async #ended(end: ProcessEnd, program: string): Promise<void> {
    const { engine } = this.#request;
    const { cwd, model } = this.#options;
    if (end.state === 'exited') {
      const who = `engine ${engine} (pid ${this.pid})`;
      return this.#gone('engine_exited', `${who} ${end.how}${(await model?.whatChanged()) ?? ''}`, 'passing');
    }
    const why = await whySpawnFailed(end.error, { program, cwd });
    this.#gone(
      'engine_program_missing',
      `engine ${engine}: cannot start ${program}: ${why}`,
      isPassing(end.error) ? 'passing' : 'lasting',
    );
  }

  #gone(code: ErrorCode, message: string, kind: EngineFailure['kind']): void {
    this.#state = 'gone';
    const failure = { code, message, kind, logTail: this.logTail };
    this.#failure ??= failure;
    this.#request.events.exited(failure);
  }
}

/** Undefined when the signal aborts: nobody waits any more. */
function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const onAbort = () => resolve(undefined);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
