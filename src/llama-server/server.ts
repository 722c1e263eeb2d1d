// The HTTP side: listens before there is a model, and says how far its load is; then answers with it. Every request is a
// task of the scope it is given; a caller that leaves cancels its own. Its owner closes the scope.
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { GreenroomError } from '../lifecycle/errors.ts';
import type { Scope } from '../lifecycle/scope.ts';
import {
  chatForm,
  embeddingAnswer,
  type Identity,
  loadingAnswer,
  modelsAnswer,
  textForm,
} from './answers.ts';
import { deliver } from './deliver.ts';
import { failureOf, leaving, refuse, send } from './http-answer.ts';
import { Lanes } from './lanes.ts';
import type { LanguageModel } from './language-model.ts';
import type { LoadProgress } from './load-progress.ts';
import { readJsonBody } from './request-body.ts';
import { chatRequest, completionRequest, embeddingRequest } from './requests.ts';

export interface ServerSettings {
  /** Closes when the server is to leave. */
  readonly scope: Scope;
  readonly progress: LoadProgress;
  readonly alias: string;
  readonly parallel: number;
  readonly waiting: number;
}

type State =
  | { readonly word: 'loading' }
  | { readonly word: 'ready'; readonly model: LanguageModel; readonly created: number };

interface Call {
  readonly model: LanguageModel;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly signal: AbortSignal;
}

type Route = (call: Call) => Promise<void> | void;

export class LlamaServer {
  readonly http: Server;
  readonly #settings: ServerSettings;
  readonly #lanes: Lanes;
  readonly #routes: Readonly<Record<string, Readonly<Record<string, Route>>>>;
  #state: State = { word: 'loading' };

  constructor(settings: ServerSettings) {
    this.#settings = settings;
    this.#lanes = new Lanes({ lanes: settings.parallel, waitingMax: settings.waiting });
    this.#routes = {
      '/health': { GET: (call) => this.#health(call) },
      '/v1/models': { GET: (call) => this.#models(call) },
      '/v1/chat/completions': { POST: (call) => this.#chat(call) },
      '/v1/completions': { POST: (call) => this.#complete(call) },
      '/v1/embeddings': { POST: (call) => this.#embed(call) },
    };
    this.http = createServer({ noDelay: true });
    this.http.on('request', (request, response) => this.#take(request, response));
  }

  /** From now on requests are answered. */
  ready(model: LanguageModel): void {
    this.#state = { word: 'ready', model, created: this.#now() };
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    const { scope } = this.#settings;
    if (scope.state !== 'open') return refuse(response, leaving());
    const task = scope.spawn(`${request.method} ${request.url?.slice(0, 40)}`, async (signal) => {
      try {
        await this.#answer(request, response, signal);
      } catch (error) {
        refuse(response, failureOf(error, signal));
      }
    });
    // Before its answer is through: its caller has left. What cannot be written any more says no more than that.
    response.on('close', () => task.abort('client_left'));
    response.on('error', () => undefined);
  }

  async #answer(request: IncomingMessage, response: ServerResponse, signal: AbortSignal): Promise<void> {
    const route = this.#routeOf(request, response);
    const state = this.#state;
    if (state.word === 'loading') return send(response, 503, loadingAnswer(this.#settings.progress.state));
    await route({ model: state.model, request, response, signal });
  }

  #routeOf({ method = '', url = '' }: IncomingMessage, response: ServerResponse): Route {
    const path = url.replace(/\?.*/s, '');
    const methods = Object.hasOwn(this.#routes, path) ? this.#routes[path] : undefined;
    if (!methods) {
      const known = Object.keys(this.#routes).join(', ');
      throw new GreenroomError('not_found', `there is no ${path.slice(0, 80)} here, but ${known}`);
    }
    const route = Object.hasOwn(methods, method) ? methods[method] : undefined;
    if (route) return route;
    const allowed = Object.keys(methods).join(', ');
    response.setHeader('allow', allowed);
    throw new GreenroomError('method_not_allowed', `${path} takes ${allowed}, not ${method}`);
  }

  #health({ response }: Call): void {
    const { active, waiting } = this.#lanes;
    send(response, 200, { status: 'ok', active, waiting, parallel: this.#settings.parallel });
  }

  #models({ model, response }: Call): void {
    const created = this.#state.word === 'ready' ? this.#state.created : this.#now();
    send(response, 200, modelsAnswer(this.#settings.alias, created, model.facts));
  }

  async #chat({ model, request, response, signal }: Call): Promise<void> {
    const { messages, sampling, delivery } = chatRequest(await readJsonBody(request));
    const form = chatForm(this.#identity('chatcmpl'), delivery.usage);
    await this.#lanes.run(signal, (lane) =>
      deliver({ response, form, delivery, signal }, (ears) => model.chat(lane, messages, sampling, ears)),
    );
  }

  async #complete({ model, request, response, signal }: Call): Promise<void> {
    const { prompt, sampling, delivery } = completionRequest(await readJsonBody(request));
    const form = textForm(this.#identity('cmpl'), delivery.usage);
    await this.#lanes.run(signal, (lane) =>
      deliver({ response, form, delivery, signal }, (ears) => model.complete(lane, prompt, sampling, ears)),
    );
  }

  async #embed({ model, request, response, signal }: Call): Promise<void> {
    const { texts, encoding } = embeddingRequest(await readJsonBody(request));
    const embeddings = await this.#lanes.run(signal, () => model.embed(texts, signal));
    send(response, 200, embeddingAnswer(this.#settings.alias, embeddings, encoding));
  }

  #identity(prefix: string): Identity {
    const id = `${prefix}-${randomUUID().replaceAll('-', '')}`;
    return { id, model: this.#settings.alias, created: this.#now() };
  }

  #now(): number {
    return Math.floor(this.#settings.scope.clock.wallTime() / 1000);
  }
}
