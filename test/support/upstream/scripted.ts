// An upstream Realtime server on a real socket, over the model that enforces the rules. The test decides what it does and
// when: answers by itself, or only when told; refuses, closes, goes silent.
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { JsonObject } from '../../../src/wire/json.ts';
import { until } from '../poll.ts';
import { UpstreamModel } from './model.ts';

export interface ScriptedUpstreamOptions {
  readonly tls?: { readonly cert: string; readonly key: string };
  /** In place of an upgrade. */
  readonly refuses?: { readonly status: number; readonly body: string };
  /** `never`: the upgrade is not answered. `mute`: it is, and no session follows. */
  readonly opens?: 'at once' | 'never' | 'mute';
  /** `told`: a response goes on only when the test says so. */
  readonly responds?: 'at once' | 'told';
}

export class UpstreamConnection {
  readonly model = new UpstreamModel();
  readonly headers: IncomingHttpHeaders;
  readonly url: string;
  readonly socket: WebSocket;
  closed: { readonly code: number; readonly reason: string } | undefined;
  /** `held`: what it says stays with it. */
  sending: 'on' | 'held' = 'on';
  #sent = 0;

  constructor(socket: WebSocket, headers: IncomingHttpHeaders, url: string, responds: 'at once' | 'told') {
    this.socket = socket;
    this.headers = headers;
    this.url = url;
    if (headers['openai-beta'] !== undefined) this.model.violations.push('the header of the beta');
    socket.on('message', (data) => {
      this.model.receive(JSON.parse(String(data)) as JsonObject, this.#sent);
      if (responds === 'at once') while (this.model.step() || this.model.step(true));
      this.flush();
    });
    socket.on('error', () => undefined);
    socket.on('close', (code, reason) => {
      this.closed = { code, reason: String(reason) };
    });
  }

  /** Says what there is to say. */
  flush(): void {
    if (this.sending === 'held') return;
    for (const { seq, event } of this.model.out.splice(0)) {
      this.#sent = seq;
      this.socket.send(JSON.stringify(event));
    }
  }

  /** The response goes on by so many stages. */
  step(stages = 1): void {
    for (let stage = 0; stage < stages; stage += 1) this.model.step();
    this.flush();
  }

  received(type: string): readonly JsonObject[] {
    return this.model.received.filter((event) => event['type'] === type);
  }

  get(type: string, count = 1): Promise<JsonObject> {
    return until(() => this.received(type)[count - 1], {
      timeoutMs: 5000,
      what: `${type} (${count}) upstream (so far: ${this.model.received.map((event) => event['type']).join(' ')})`,
    });
  }

  ended() {
    return until(() => this.closed, { timeoutMs: 5000, what: 'the upstream connection to close' });
  }
}

export class ScriptedUpstream implements AsyncDisposable {
  readonly connections: UpstreamConnection[] = [];
  readonly #server: Server;
  readonly #sockets = new WebSocketServer({ noServer: true });
  readonly #scheme: 'ws' | 'wss';
  /** Connections whose upgrade is not answered. */
  readonly unanswered: Duplex[] = [];

  private constructor(server: Server, options: ScriptedUpstreamOptions) {
    this.#server = server;
    this.#scheme = options.tls ? 'wss' : 'ws';
    const { refuses, opens = 'at once', responds = 'at once' } = options;
    server.on('upgrade', (request, socket, head) => {
      socket.on('error', () => undefined);
      if (opens === 'never') {
        this.unanswered.push(socket);
        socket.resume();
        return;
      }
      if (refuses) {
        const { status, body } = refuses;
        socket.end(
          `HTTP/1.1 ${status} No\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
        );
        return;
      }
      this.#sockets.handleUpgrade(request, socket, head, (webSocket) => {
        const connection = new UpstreamConnection(webSocket, request.headers, request.url ?? '', responds);
        this.connections.push(connection);
        if (opens === 'mute') return;
        connection.model.open();
        connection.flush();
      });
    });
  }

  static async start(options: ScriptedUpstreamOptions = {}): Promise<ScriptedUpstream> {
    const server = options.tls ? createTlsServer(options.tls) : createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new ScriptedUpstream(server as Server, options);
  }

  get url(): string {
    return `${this.#scheme}://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1/realtime?model=up-1`;
  }

  /** The connection of the call that came as number `index`. */
  connection(index = 0): Promise<UpstreamConnection> {
    return until(() => this.connections[index], { timeoutMs: 5000, what: `call ${index} to come upstream` });
  }

  get violations(): readonly string[] {
    return this.connections.flatMap(({ model }) => model.violations);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { socket } of this.connections) socket.terminate();
    for (const socket of this.unanswered) socket.destroy();
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close').catch(() => undefined);
  }
}
