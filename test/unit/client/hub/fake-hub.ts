// A gateway's `/v1/events` for the tests of its watchers: WebSocket and server-sent events, scripted, well or badly.
// Closed by `await using`, with every socket it has.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import type { HubControl, HubRequest } from '../../../../src/wire/hub.ts';

interface Watcher {
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  /** What it has asked, on its socket or by posts. */
  readonly received: HubRequest[];
  /** Code and reason once it has gone; 0 of server-sent events. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  /** An object as JSON; a string as it is. */
  send(message: object | string): void;
  control(control: HubControl): void;
  event(id: string, topic?: string, data?: unknown): void;
  /** Of server-sent events: any text. */
  raw(text: string): void;
  close(code: number, reason?: string): void;
  /** The same without a goodbye: server-sent events just end. */
  end(code: number): void;
  /** Without a word. */
  cut(): void;
}

export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface HubBehaviour {
  /** Default: a welcome at `one.0`. */
  readonly onWatch?: (watcher: Watcher, count: number) => void;
  readonly onRequest?: (request: HubRequest, watcher: Watcher) => void;
  /** Of what is posted to `/v1/events`. */
  readonly onPost?: (post: Post) => Answer | Promise<Answer>;
  /** Watchers are answered like this instead; `never`: not at all. */
  readonly refusal?: Answer | 'never' | undefined;
  /** The same for those who ask for this topic, over whatever. */
  readonly refusesTopic?: { readonly topic: string; readonly answer: Answer };
}

export interface Post {
  readonly url: URL;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface FakeHub extends AsyncDisposable {
  readonly url: string;
  readonly watchers: readonly Watcher[];
  readonly posts: readonly Post[];
  /** From now on. */
  refuse(refusal: HubBehaviour['refusal']): void;
}

export function welcome(changes: Partial<HubControl & { type: 'welcome' }> = {}): HubControl {
  return { type: 'welcome', epoch: 'one', head: 'one.0', client: 'w1', topics: ['>'], ...changes };
}

export async function fakeHub(behaviour: HubBehaviour = {}, port = 0): Promise<FakeHub> {
  const { onWatch = (watcher) => watcher.control(welcome()), onPost } = behaviour;
  let { refusal } = behaviour;
  const sockets = new Set<Socket>();
  const watchers: Watcher[] = [];
  const posts: Post[] = [];
  const webSockets = new WebSocketServer({ noServer: true });
  const refusalOf = ({ searchParams }: URL): Answer | undefined => {
    const { refusesTopic } = behaviour;
    if (refusesTopic && searchParams.get('topics')?.split(',').includes(refusesTopic.topic))
      return refusesTopic.answer;
    return refusal === 'never' ? undefined : refusal;
  };
  const begin = (watcher: Watcher) => {
    watchers.push(watcher);
    onWatch(watcher, watchers.length);
  };
  const post = async (request: IncomingMessage, response: ServerResponse, url: URL) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    const [, client] = /\/clients\/(.+)$/.exec(url.pathname) ?? [];
    if (client !== undefined) {
      const watcher = watchers.at(-1);
      const asked = JSON.parse(body) as HubRequest;
      watcher?.received.push(asked);
      if (watcher) behaviour.onRequest?.(asked, watcher);
      return answer(response, { status: 202, body: {} });
    }
    const one = { url, headers: request.headers, body };
    posts.push(one);
    answer(
      response,
      (await onPost?.(one)) ?? { status: 200, body: { accepted: 1, id: 'one.1', rejected: [] } },
    );
  };
  const http = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://hub');
    if (request.method === 'POST') return void post(request, response, url);
    if (refusal === 'never') return;
    const refused = refusalOf(url);
    if (refused) return answer(response, refused);
    if (!request.headers.accept?.includes('text/event-stream'))
      return answer(response, { status: 426, body: {} });
    begin(sseWatcher(request, response, url));
  });
  http.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
  });
  http.on('upgrade', (request, socket, head) => {
    if (refusal === 'never') return;
    const refused = refusalOf(new URL(request.url ?? '', 'http://hub'));
    if (refused) {
      const body = JSON.stringify(refused.body);
      const lines = [`HTTP/1.1 ${refused.status} Refused`, `content-length: ${Buffer.byteLength(body)}`];
      return void socket.end(`${lines.join('\r\n')}\r\nconnection: close\r\n\r\n${body}`);
    }
    webSockets.handleUpgrade(request, socket, head, (webSocket) =>
      begin(socketWatcher(request, webSocket, behaviour)),
    );
  });
  await new Promise<void>((resolve) => http.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    watchers,
    posts,
    refuse(next) {
      refusal = next;
    },
    [Symbol.asyncDispose]: () => closeAll(http, sockets),
  };
}

async function closeAll(http: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  const closed = new Promise((resolve) => http.close(resolve));
  for (const socket of sockets) socket.destroy();
  await closed;
}

function answer(response: ServerResponse, { status, body, headers }: Answer): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body ?? {}));
}

const eventOf = (id: string, topic = 'a', data: unknown = { n: 1 }) => ({ id, topic, ts: 1, data });

function socketWatcher(request: IncomingMessage, socket: WebSocket, { onRequest }: HubBehaviour): Watcher {
  const closed = Promise.withResolvers<{ code: number; reason: string }>();
  const send = (message: object | string) =>
    socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  const watcher: Watcher = {
    query: new URL(request.url ?? '', 'http://hub').searchParams,
    headers: request.headers,
    received: [],
    closed: closed.promise,
    send,
    control: send,
    event: (...args) => send(eventOf(...args)),
    raw: () => undefined,
    close: (code, reason) => socket.close(code, reason),
    end: (code) => socket.close(code),
    cut: () => socket.terminate(),
  };
  socket.on('error', () => undefined);
  socket.on('close', (code, reason) => closed.resolve({ code, reason: reason.toString() }));
  socket.on('message', (data) => {
    const asked = JSON.parse(data.toString()) as HubRequest;
    watcher.received.push(asked);
    onRequest?.(asked, watcher);
  });
  return watcher;
}

function sseWatcher(request: IncomingMessage, response: ServerResponse, url: URL): Watcher {
  const closed = Promise.withResolvers<{ code: number; reason: string }>();
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
  response.flushHeaders();
  response.on('close', () => closed.resolve({ code: 0, reason: '' }));
  const raw = (text: string) => void response.write(text);
  const control = (message: HubControl) => raw(`event: control\ndata: ${JSON.stringify(message)}\n\n`);
  const send = (message: object | string) => {
    if (typeof message === 'string') return raw(`data: ${message}\n\n`);
    if ('type' in message) return control(message as HubControl);
    raw(`id: ${(message as { id?: string }).id}\ndata: ${JSON.stringify(message)}\n\n`);
  };
  return {
    ...{ query: url.searchParams, headers: request.headers, received: [], closed: closed.promise },
    ...{ send, control, raw, event: (...args) => send(eventOf(...args)) },
    close: (code, reason = '') => {
      control({ type: 'bye', code, reason, retryMs: code === 1001 ? 0 : null });
      response.end();
    },
    end: () => void response.end(),
    cut: () => void response.destroy(),
  };
}
