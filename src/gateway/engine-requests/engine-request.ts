// One request that an engine answers: which engine, its wait in the lobby, its answer. Owned by a scope of its own, which
// ends when the answer has gone out, the caller has left or is too slow, or the gateway leaves.
//
//     routing ──▶ waiting ──seated──▶ answering ──the engine is done──▶ delivering ──▶ ended
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Lease, LeaseEnd } from '../../engines/lease.ts';
import { GreenroomError, toGreenroomError } from '../../lifecycle/errors.ts';
import type { CloseReason } from '../../lifecycle/reasons.ts';
import type { Scope } from '../../lifecycle/scope.ts';
import { answer } from './answers.ts';
import { type Choice, chooseEngine, offeringEngines } from './engine-choice.ts';
import { type EnginePath, rawTarget } from './engine-paths.ts';
import { FormPeek } from './form-peek.ts';
import { type BodyPeek, JsonPeek } from './json-peek.ts';
import { ModelEdit } from './model-edit.ts';
import { boundaryIn } from './multipart.ts';
import { proxy } from './proxy.ts';
import { queryToEngine } from './proxy-headers.ts';
import { Reply } from './reply.ts';
import { RequestBody } from './request-body.ts';
import type { Surroundings, UnderWay } from './surroundings.ts';

export interface RequestParts {
  readonly path: EnginePath;
  readonly url: URL;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/**
 * Of every body this much is read while it waits: where `model` is looked for. Who leaves is noticed only while his
 * connection is read, and most bodies are read as a whole.
 */
const peekedBytes = 64 * 1024;
/** For the door, not for the engine. */
const queryOfOurs = ['token', 'model'];

export class EngineRequest implements UnderWay {
  readonly what: string;
  readonly #parts: RequestParts;
  readonly #around: Surroundings;
  readonly #scope: Scope;
  readonly #reply: Reply;
  readonly #body: RequestBody;
  #peek: BodyPeek | undefined;
  #state: UnderWay['state'] = 'routing';
  #engine: string | undefined;
  /** Why it was ended, where somebody ended it. */
  #cause: GreenroomError | undefined;

  constructor(parts: RequestParts, around: Surroundings, scope: Scope) {
    const { path, request, response } = parts;
    const { clock, waiting, mask } = around;
    this.what = path.name;
    this.#parts = parts;
    this.#around = around;
    this.#scope = scope;
    this.#reply = new Reply({
      ...{ response, clock, waiting, mask },
      onSlow: (what) => this.end('slow_client', new GreenroomError('slow_client', what)),
    });
    this.#body = new RequestBody({
      ...{ request, response, clock, waiting, bytesMax: path.bodyBytesMax },
      show: (bytes) => this.#peek?.push(bytes),
      onFailure: (error) => this.end('protocol_error', error),
    });
    // What is said after the end is nobody's.
    response.on('error', () => undefined);
    response.once('close', () => {
      this.#reply.close();
      this.end('client_left');
    });
    scope.signal.addEventListener('abort', () => this.#aborted(), { once: true });
    scope.spawn('answer', (signal) => this.#run(signal));
  }

  get state(): UnderWay['state'] {
    return this.#state;
  }

  get engine(): string | undefined {
    return this.#engine;
  }

  end(reason: CloseReason, cause?: GreenroomError): void {
    this.#cause ??= cause;
    void this.#scope.close(reason);
  }

  #aborted(): void {
    this.#body.drop();
    const { response } = this.#parts;
    if (this.#state === 'ended' || response.destroyed) return this.#reply.close();
    const cause = this.#cause ?? new GreenroomError('server_shutdown', 'the gateway is leaving');
    this.#around.onFailure(this, cause);
    if (cause.code === 'slow_client') this.#reply.cut();
    else this.#reply.leave(cause);
  }

  async #run(signal: AbortSignal): Promise<void> {
    try {
      await this.#answer(signal);
    } catch (thrown) {
      if (signal.aborted) return;
      const error = toGreenroomError(thrown);
      this.#around.onFailure(this, error);
      await this.#reply.fail(error);
    } finally {
      if (!signal.aborted) {
        this.#state = 'ended';
        this.#body.drop();
      }
    }
    void this.#scope.close('done');
  }

  async #answer(signal: AbortSignal): Promise<void> {
    const { path, request } = this.#parts;
    const { clock, lobby } = this.#around;
    const wanted = path.name === 'raw' ? this.#rawChoice() : await this.#choice();
    if (signal.aborted) return;
    const engine = this.#around.engine(wanted.name);
    this.#engine = engine.name;
    this.#state = 'waiting';
    const streamed = () => path.streams && this.#peek?.stream === true;
    const lease = this.#held(await lobby.seat({ engine, reply: this.#reply, streamed, signal }));
    this.#state = 'answering';
    if (signal.aborted) return lease.release('cancelled');
    this.#body.hasToCome();
    const { endpoint, modelName } = lease.instance;
    // Some know only when they are ready what they call their model.
    const choice =
      path.name === 'raw' ? wanted : { ...wanted, model: wanted.model ?? modelName ?? undefined };
    const common = {
      ...{ path, engine, lease, request, body: this.#body, reply: this.#reply, clock, signal },
      silence: this.#around.silence(engine.name),
    };
    if (endpoint !== null && path.name !== 'generate')
      return proxy({ ...common, endpoint, target: this.#target(), edit: this.#edit(choice) });
    if (path.name === 'raw') {
      lease.release();
      throw new GreenroomError('engine_call_unsupported', `engine ${engine.name} is not asked over HTTP`);
    }
    const given = this.#peek?.model?.value;
    const model = { shown: given ?? engine.name, asked: choice.model ?? given ?? engine.name };
    return answer({ ...common, model });
  }

  /** The lease, so that its end shows. */
  #held(lease: Lease): Lease {
    return {
      instance: lease.instance,
      heard: () => lease.heard(),
      release: (end?: LeaseEnd) => {
        if (this.#state === 'answering') this.#state = 'delivering';
        lease.release(end);
      },
    };
  }

  #rawChoice(): Choice {
    return { name: rawTarget(this.#parts.url.pathname)?.engine ?? '', model: undefined };
  }

  /** Reads as much of the body as it takes to know. */
  async #choice(): Promise<Choice> {
    const { path, request, url } = this.#parts;
    const { 'content-type': type, 'x-greenroom-engine': header } = request.headers;
    const peek = path.body === 'form' ? new FormPeek(boundaryIn(type)) : new JsonPeek();
    this.#peek = peek;
    const engine = typeof header === 'string' && header !== '' ? header : undefined;
    const enough = () => engine !== undefined || peek.model !== undefined || peek.state === 'over';
    await this.#body.peek({ enough, bytesMax: peekedBytes });
    if (peek instanceof JsonPeek && (peek.kind === 'other' || (this.#body.whole && peek.kind === 'nothing')))
      throw new GreenroomError('invalid_request', `${path.path} takes a JSON object as its body`);
    const options = this.#around.choices();
    const inQuery = url.searchParams.get('model') || undefined;
    const capability = path.capability ?? '';
    // Some clients send what is long first. Only when there is a choice does it have to be read through.
    if (!enough() && inQuery === undefined && offeringEngines(capability, options).length > 1)
      await this.#body.peek({ enough, bytesMax: path.bodyBytesMax + 1 });
    return chooseEngine({ capability, engine, model: peek.model?.value ?? inQuery }, options);
  }

  #target(): string {
    const { path, url } = this.#parts;
    if (path.name !== 'raw') return path.path + queryToEngine(url, queryOfOurs);
    return (rawTarget(url.pathname)?.path ?? '/') + queryToEngine(url, ['token']);
  }

  /** Undefined when the engine takes the body as it is. */
  #edit({ model }: Choice): ModelEdit | undefined {
    const { path, request } = this.#parts;
    if (model === undefined || this.#peek?.model?.value === model) return undefined;
    if (path.body === 'json') return ModelEdit.ofJson(model);
    return ModelEdit.ofForm(model, boundaryIn(request.headers['content-type']));
  }
}
