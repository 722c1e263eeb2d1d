// Everything that engines answer over HTTP: who may, which method, and then each request on its own. Raw requests and
// responses, not those of the router: what passes through here passes as it comes. Its scope closes it.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Config, EngineConfig, PipelineConfig } from '../../config/types.ts';
import type { Supervisor } from '../../engines/supervisor.ts';
import type { Clock } from '../../lifecycle/clock.ts';
import type { Deadline } from '../../lifecycle/deadline.ts';
import { GreenroomError } from '../../lifecycle/errors.ts';
import type { CloseReport } from '../../lifecycle/report.ts';
import type { Scope } from '../../lifecycle/scope.ts';
import type { Log } from '../../telemetry/log.ts';
import type { Access } from '../access.ts';
import { methodNotAllowed, refuseRequest, refuseSocket } from '../refusal.ts';
import { targetOf } from '../request-head.ts';
import type { SilenceLimits } from './engine-call.ts';
import type { Candidate, ChoiceOptions, PipelineEngines } from './engine-choice.ts';
import { type EnginePath, enginePathOf, enginePaths } from './engine-paths.ts';
import { EngineRequest } from './engine-request.ts';
import { EngineUpgrade } from './engine-upgrade.ts';
import { Lobby } from './lobby.ts';
import type { Surroundings, UnderWay } from './surroundings.ts';
import { WaitingBytes } from './waiting-bytes.ts';

export interface EngineRequestsOptions {
  readonly scope: Scope;
  readonly clock: Clock;
  /** What names mean now. */
  readonly routing: () => Pick<Config, 'aliases' | 'unknownModel' | 'pipelines'>;
  readonly supervisor: Pick<Supervisor, 'get' | 'configs'>;
  readonly access: Access;
  readonly log: Log;
  readonly mask: (text: string) => string;
}

/** Of the time that is left, for what is being answered to come to its end. */
const finishShare = 0.5;

export class EngineRequests {
  readonly #options: EngineRequestsOptions;
  readonly #around: Surroundings;
  readonly #requests = new Set<UnderWay>();
  #state: 'open' | 'leaving' = 'open';
  #count = 0;
  #changed = Promise.withResolvers<void>();

  constructor(options: EngineRequestsOptions) {
    const { clock, supervisor, mask } = options;
    this.#options = options;
    this.#around = {
      ...{ clock, mask, lobby: new Lobby(clock), waiting: new WaitingBytes() },
      choices: () => this.#choices(),
      engine: (name) => supervisor.get(name),
      silence: (engine) => silenceOf(supervisor.configs().find(({ name }) => name === engine)),
      onFailure: (request, error) => this.#failed(request, error),
    };
  }

  /** Whether an engine answers one now. */
  uses(engine: string): boolean {
    for (const request of this.#requests)
      if (request.engine === engine && request.state === 'answering') return true;
    return false;
  }

  /** The engines that answer what callers ask. */
  models(): readonly string[] {
    const asked = enginePaths.flatMap(({ capability }) => capability ?? []);
    return this.#choices()
      .engines.filter(({ offers }) => offers?.some((offer) => (asked as readonly string[]).includes(offer)))
      .map(({ name }) => name);
  }

  get count(): number {
    return this.#requests.size;
  }

  /** False: it is not for an engine. */
  request(request: IncomingMessage, response: ServerResponse): boolean {
    const url = targetOf(request.url);
    const path = url ? enginePathOf(url.pathname) : undefined;
    if (!url || !path) return false;
    const refusal = this.#refusal(request, path);
    if (refusal) refuseRequest(response, refusal);
    else
      this.#open(
        path.name,
        (scope) => new EngineRequest({ path, url, request, response }, this.#around, scope),
      );
    return true;
  }

  /** False: it is not for an engine. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    const url = targetOf(request.url);
    const path = url ? enginePathOf(url.pathname) : undefined;
    if (!url || path?.name !== 'raw') return false;
    const refusal = this.#refusal(request, path);
    if (refusal) refuseSocket(socket, refusal);
    else
      this.#open(
        'upgrade',
        (scope) => new EngineUpgrade({ url, request, socket, head }, this.#around, scope),
      );
    return true;
  }

  /** Nobody waits in vain for what will not come: they are refused, as is whoever comes from now on. */
  leave(): void {
    this.#state = 'leaving';
    for (const request of this.#requests)
      if (request.state === 'routing' || request.state === 'waiting')
        request.end('server_shutdown', leaving());
  }

  /** What is being answered may come to its end in half of the time; then it is cut, and told. */
  async closeAll(deadline: Deadline): Promise<{ readonly report: CloseReport; readonly cut: number }> {
    this.leave();
    const finishing = deadline.child(deadline.remainingMs() * finishShare);
    while (this.#requests.size > 0 && !finishing.expired) await finishing.wait(this.#changed.promise);
    finishing.dispose();
    const cut = this.#requests.size;
    for (const request of this.#requests) request.end('server_shutdown', leaving());
    return { report: await this.#options.scope.close('server_shutdown', { deadline }), cut };
  }

  #open(what: string, make: (scope: Scope) => UnderWay): void {
    const scope = this.#options.scope.child(`${what} ${++this.#count}`, { kind: 'request' });
    const request = make(scope);
    this.#requests.add(request);
    void scope.closed.then(() => {
      this.#requests.delete(request);
      this.#changed.resolve();
      this.#changed = Promise.withResolvers();
    });
  }

  #refusal(request: IncomingMessage, { name, path, methods }: EnginePath): GreenroomError | null {
    const { method = '' } = request;
    if (methods && !methods.includes(method)) return methodNotAllowed(path, methods, method);
    // What an engine answers besides is for who looks after it.
    const refusal = this.#options.access.refusal(request, name === 'raw' ? 'admin' : 'caller');
    return refusal ?? (this.#state === 'leaving' ? leaving() : null);
  }

  #choices(): ChoiceOptions {
    const { routing, supervisor } = this.#options;
    const { aliases, unknownModel, pipelines } = routing();
    const candidate = (engine: EngineConfig): Candidate => {
      const { offers } = supervisor.get(engine.name);
      return {
        name: engine.name,
        modelName: 'modelName' in engine ? engine.modelName : undefined,
        offers: offers.length > 0 ? offers : engine.offers,
      };
    };
    const engines = supervisor.configs().map(candidate);
    return { engines, aliases, unknownModel, pipelines: Object.values(pipelines).map(enginesOf) };
  }

  #failed({ what, engine }: UnderWay, error: GreenroomError): void {
    const { code, message, httpStatus } = error;
    const facts = { request: what, engine, code };
    if (code === 'internal_error') this.#options.log.error({ ...facts, error }, 'a request failed');
    else if (httpStatus >= 500) this.#options.log.warn(facts, `a request failed: ${message}`);
    else this.#options.log.debug(facts, `a request was refused: ${message}`);
  }
}

function enginesOf(pipeline: PipelineConfig): PipelineEngines {
  const { name, kind } = pipeline;
  if (kind === 'bridge') return { name, kind, engines: {} };
  if (kind === 'echo') return { name, kind, engines: { speak: pipeline.speak } };
  const { think: chat, speak, ears } = pipeline;
  return { name, kind, engines: { chat, speak, transcribe: ears?.hear } };
}

const leaving = () => new GreenroomError('server_shutdown', 'the gateway is leaving');

/** As long as it may take to load, and to come on with it. */
function silenceOf(engine: EngineConfig | undefined): SilenceLimits {
  const { totalMs = 600_000, stallMs = 120_000 } = engine?.ready ?? {};
  return { answerMs: totalMs, streamMs: stallMs };
}
