// Real engines behind a real door, without the rest of the gateway: what engines answer over HTTP, seen from both ends.
// When the test ends everything must be gone.
import {
  type ClientRequest,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
} from 'node:http';
import type { Readable } from 'node:stream';
import { expect } from 'vitest';
import { Secret } from '../../../src/config/secrets.ts';
import type { Config, EngineConfig } from '../../../src/config/types.ts';
import { Access } from '../../../src/gateway/access.ts';
import { ClientSecrets } from '../../../src/gateway/client-secrets.ts';
import { Door } from '../../../src/gateway/door.ts';
import { EngineRequests } from '../../../src/gateway/engine-requests/engine-requests.ts';
import { systemClock } from '../../../src/lifecycle/clock.ts';
import { Deadline } from '../../../src/lifecycle/deadline.ts';
import type { RunChanges } from '../../support/engine-configs.ts';
import { until } from '../../support/poll.ts';
import { fixture, program, Supervised } from '../engines/supervised.ts';

export const openaiLike = (changes: RunChanges = {}) =>
  program('openai-like.mjs', {
    name: 'llm',
    offers: ['chat', 'embed', 'speak', 'transcribe'],
    cwd: fixture(''),
    ...changes,
  });

export interface DeskOptions {
  readonly unknownModel?: 'refuse' | 'default';
  readonly tokens?: readonly string[];
  readonly admin?: readonly string[];
  readonly mask?: (text: string) => string;
}

/** One request as the engine saw it. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: number;
  readonly sha256?: string;
  readonly model?: string;
  readonly state: 'open' | 'answered' | 'left';
  readonly at: number;
  readonly endedAt: number;
}

export class Desk implements AsyncDisposable {
  readonly stage: Supervised;
  readonly door = new Door();
  readonly requests: EngineRequests;

  static async open(engines: readonly EngineConfig[], options: DeskOptions = {}): Promise<Desk> {
    const desk = new Desk(await Supervised.start(...engines), engines, options);
    await desk.door.listen({ host: '127.0.0.1', port: 0 });
    return desk;
  }

  private constructor(stage: Supervised, engines: readonly EngineConfig[], options: DeskOptions) {
    const { unknownModel = 'refuse', tokens = [], admin = [], mask = (text) => text } = options;
    const secrets = (texts: readonly string[]) => texts.map((text) => new Secret(text, 'a test'));
    const config = {
      listen: { host: '127.0.0.1', port: 0 },
      auth: { tokens: secrets(tokens), admin: secrets(admin), origins: [] },
      engines: Object.fromEntries(engines.map((engine) => [engine.name, engine])),
      ...{ aliases: [], unknownModel, pipelines: {} },
    } as unknown as Config;
    this.stage = stage;
    const line = (_: object, message: string) => void stage.log.push(message);
    this.requests = new EngineRequests({
      scope: stage.scope.child('requests', { kind: 'requests', order: 'parallel' }),
      ...{ clock: systemClock, routing: () => config, supervisor: stage.supervisor, mask },
      access: new Access(config, new ClientSecrets(systemClock)),
      log: { debug: line, info: line, warn: line, error: line },
    });
    this.door.attach({
      request: (request, response) => {
        if (!this.requests.request(request, response)) response.writeHead(404).end();
      },
      upgrade: (request, socket, head) => {
        if (!this.requests.upgrade(request, socket, head)) socket.destroy();
      },
    });
  }

  get url(): string {
    return this.door.url;
  }

  async ready(...names: readonly string[]): Promise<this> {
    for (const name of names.length > 0 ? names : ['llm'])
      await until(() => this.stage.supervisor.get(name).life.state === 'ready', {
        ...{ timeoutMs: 10_000, what: `engine ${name}` },
      });
    return this;
  }

  /** What the engine was asked, in order. */
  async seen(engine = 'llm'): Promise<readonly Seen[]> {
    const { port } = this.stage.supervisor.get(engine).status();
    return (await (await fetch(`http://127.0.0.1:${port}/seen`)).json()) as Seen[];
  }

  /** The last one, once it has come to this. */
  last(state: Seen['state'], engine = 'llm'): Promise<Seen> {
    const found = async () => {
      const last = (await this.seen(engine)).at(-1);
      return last?.state === state && last;
    };
    return until(found, { timeoutMs: 5000, what: `the engine to see that it was ${state}` });
  }

  chat(content: string, more: object = {}, options: AskOptions = {}): Promise<Answer> {
    return this.post('/v1/chat/completions', { messages: [{ role: 'user', content }], ...more }, options);
  }

  post(path: string, body: object, options: AskOptions = {}): Promise<Answer> {
    const headers = { 'content-type': 'application/json', ...options.headers };
    return ask(this.url, path, { method: 'POST', body: JSON.stringify(body), ...options, headers });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const deadline = new Deadline(systemClock, 4000);
    const { report } = await this.requests.closeAll(deadline);
    deadline.dispose();
    await this.door.close();
    await this.stage[Symbol.asyncDispose]();
    expect([...report.overdue, ...report.failed], 'left by the requests').toEqual([]);
    expect(this.requests.count).toBe(0);
  }
}

export interface AskOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer | Readable;
  /** It is read as it comes; false: not before `read()`. */
  readonly reading?: boolean;
}

/** An answer of which every piece has its time. */
export class Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly response: IncomingMessage;
  readonly request: ClientRequest;
  readonly pieces: { readonly text: string; readonly atMs: number }[] = [];
  state: 'open' | 'whole' | 'cut' = 'open';

  constructor(request: ClientRequest, response: IncomingMessage, reading: boolean) {
    this.request = request;
    this.response = response;
    this.status = response.statusCode ?? 0;
    this.headers = response.headers;
    if (reading) this.read();
    response.on('error', () => undefined);
    response.on('close', () => {
      this.state = response.complete ? 'whole' : 'cut';
    });
  }

  read(): void {
    this.response.on('data', (bytes: Buffer) =>
      this.pieces.push({ text: bytes.toString('latin1'), atMs: performance.now() }),
    );
  }

  get text(): string {
    return this.pieces.map(({ text }) => text).join('');
  }

  /** Once all of it has come. */
  async end(): Promise<string> {
    if (this.state === 'open') await new Promise((closed) => this.response.once('close', closed));
    return this.text;
  }

  async json(): Promise<never> {
    return JSON.parse(await this.end()) as never;
  }

  /** The data of its events so far. */
  events(): readonly unknown[] {
    return this.text
      .split('\n\n')
      .filter((event) => event.startsWith('data: '))
      .map((event) => (event === 'data: [DONE]' ? '[DONE]' : JSON.parse(event.slice(6))));
  }

  /** What was said in its events. */
  tokens(): string {
    type Chunk = { choices?: { delta?: { content?: string } }[] };
    return this.events()
      .map((event) => (event as Chunk).choices?.[0]?.delta?.content ?? '')
      .join('');
  }

  says(text: string): Promise<true> {
    return until(() => this.text.includes(text), {
      timeoutMs: 10_000,
      what: `${text} (so far: ${this.text})`,
    });
  }

  leave(): void {
    this.request.destroy();
  }
}

/** Begins a request; its caller may leave before there is an answer. */
export function begin(url: string, path: string, options: AskOptions = {}): ClientRequest {
  const { method = 'GET', headers = {}, body } = options;
  const length =
    typeof body === 'string' || Buffer.isBuffer(body) ? { 'content-length': Buffer.byteLength(body) } : {};
  const asked: RequestOptions = { method, headers: { ...length, ...headers }, agent: false };
  const request = httpRequest(`${url}${path}`, asked);
  request.on('error', () => undefined);
  if (typeof body === 'object' && !Buffer.isBuffer(body)) body.pipe(request);
  else request.end(body);
  return request;
}

export async function ask(url: string, path: string, options: AskOptions = {}): Promise<Answer> {
  const request = begin(url, path, options);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request.on('response', resolve);
    request.on('error', reject);
  });
  return new Answer(request, response, options.reading ?? true);
}
