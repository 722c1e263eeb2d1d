// A gateway for the tests of its clients: it speaks the wire as scripted, well or badly. Closed by `await using`, with
// every socket it has.
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

export type ClientFrame = { readonly type: string; readonly event_id?: string } & Readonly<
  Record<string, unknown>
>;

export interface FakeCall {
  readonly request: IncomingMessage;
  readonly socket: WebSocket;
  readonly received: ClientFrame[];
  /** Code and reason once the client has gone. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  send(event: object): void;
}

export interface FakeBehaviour {
  readonly onCall?: (call: FakeCall) => void;
  readonly onEvent?: (event: ClientFrame, call: FakeCall) => void;
  /** Upgrades are answered like this instead; `never`: not at all. */
  readonly refusal?: { readonly status: number; readonly body: unknown } | 'never';
  /** Of plain requests. Default: as the upgrade is refused, or 426. */
  readonly onRequest?: (request: IncomingMessage) => { readonly status: number; readonly body: unknown };
}

export interface FakeGateway extends AsyncDisposable {
  readonly url: string;
  readonly calls: readonly FakeCall[];
  /** Plain requests so far. */
  readonly requests: readonly string[];
  /** From now on. */
  refuse(refusal: FakeBehaviour['refusal']): void;
}

export async function fakeGateway(behaviour: FakeBehaviour = {}): Promise<FakeGateway> {
  const { onRequest } = behaviour;
  let { refusal } = behaviour;
  const sockets = new Set<Socket>();
  const calls: FakeCall[] = [];
  const requests: string[] = [];
  const webSockets = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) => (offered.has('realtime') ? 'realtime' : false),
  });
  const http = createServer((request, response) => {
    requests.push(request.url ?? '');
    const fallback = typeof refusal === 'object' ? refusal : { status: 426, body: {} };
    const { status, body } = onRequest?.(request) ?? fallback;
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  http.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
  });
  http.on('upgrade', (request, socket, head) => {
    if (refusal === 'never') return;
    if (refusal) {
      const body = JSON.stringify(refusal.body);
      const lines = [`HTTP/1.1 ${refusal.status} Refused`, `content-length: ${Buffer.byteLength(body)}`];
      return void socket.end(`${lines.join('\r\n')}\r\nconnection: close\r\n\r\n${body}`);
    }
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      calls.push(accept(request, webSocket, behaviour));
    });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    calls,
    requests,
    refuse(next) {
      refusal = next;
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => http.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function accept(request: IncomingMessage, socket: WebSocket, { onCall, onEvent }: FakeBehaviour): FakeCall {
  const received: ClientFrame[] = [];
  const closed = Promise.withResolvers<{ code: number; reason: string }>();
  const call: FakeCall = {
    request,
    socket,
    received,
    closed: closed.promise,
    send: (event) => socket.send(JSON.stringify({ event_id: `event_${received.length}`, ...event })),
  };
  socket.on('error', () => undefined);
  socket.on('close', (code, reason) => closed.resolve({ code, reason: reason.toString() }));
  socket.on('message', (data) => {
    const event = JSON.parse(data.toString()) as ClientFrame;
    received.push(event);
    onEvent?.(event, call);
  });
  onCall?.(call);
  return call;
}

/** An address where nobody listens. */
export async function nobodysUrl(): Promise<string> {
  const gateway = await fakeGateway();
  await gateway[Symbol.asyncDispose]();
  return gateway.url;
}
