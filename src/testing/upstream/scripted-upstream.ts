// An upstream Realtime server on a real socket, over the model that enforces the rules. The test decides what it does and
// when: answers by itself, or only when told; refuses, closes, goes silent.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { UpstreamConnection } from './connection.ts';
import type { ResponseKind } from './responses.ts';
import { checkedUpstream } from './upstream-options.ts';
import { Waiting } from './waiting.ts';

export interface ScriptedUpstreamOptions {
  /** Its certificate, as PEM: it is reached over `wss:`. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** What every upgrade is answered with. Default: it is let in. */
  readonly refuses?: { readonly status: number; readonly body: string };
  /** `never`: the upgrade is not answered. `mute`: it is, and no session follows. Default `at once`. */
  readonly opens?: 'at once' | 'never' | 'mute';
  /** `told`: a response goes on only with `step`. Default `at once`. */
  readonly responds?: 'at once' | 'told';
  /** What responses are made of; `call`: the first one, of the first tool there is. Default `speech`. */
  readonly answers?: ResponseKind;
  /** Other voices are refused. Default: any is taken. */
  readonly voices?: readonly string[];
}

/**
 * A Realtime server as OpenAI's, for tests of what stands before one: it enforces the rules, refuses what breaks them in
 * OpenAI's words, and counts whoever could have known as a violation. Resolves when it listens.
 *
 *     await using upstream = await scriptedUpstream({ responds: 'told' });
 *     const connection = await upstream.connection();
 *     connection.step(2); // the response goes on
 *
 * @throws GreenroomError `bad_usage`
 */
export async function scriptedUpstream(options: ScriptedUpstreamOptions = {}): Promise<ScriptedUpstream> {
  const checked = checkedUpstream(options);
  const server = checked.tls ? createTlsServer(checked.tls) : createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return new ScriptedUpstream(server as Server, checked);
}

export class ScriptedUpstream implements AsyncDisposable {
  /** In the order in which they came. */
  readonly connections: UpstreamConnection[] = [];
  /** Connections whose upgrade is not answered. */
  readonly unanswered: Duplex[] = [];
  readonly #server: Server;
  readonly #sockets = new WebSocketServer({ noServer: true });
  readonly #scheme: 'ws' | 'wss';
  readonly #waiting = new Waiting();

  /** @internal Use `scriptedUpstream`. */
  constructor(server: Server, options: ScriptedUpstreamOptions) {
    this.#server = server;
    this.#scheme = options.tls ? 'wss' : 'ws';
    const { refuses, opens = 'at once', responds = 'at once', answers = 'speech', voices } = options;
    server.on('upgrade', (request, socket, head) => {
      socket.on('error', () => undefined);
      if (opens === 'never') {
        this.unanswered.push(socket);
        socket.resume();
        return;
      }
      if (refuses) {
        socket.end(refusal(refuses));
        return;
      }
      this.#sockets.handleUpgrade(request, socket, head, (webSocket) => {
        const connection = new UpstreamConnection(webSocket, request, responds);
        connection.model.kind = answers;
        connection.model.voices = voices;
        this.connections.push(connection);
        this.#waiting.happened();
        if (opens === 'mute') return;
        connection.model.open();
        connection.flush();
      });
    });
  }

  /** `ws://127.0.0.1:40123/v1/realtime?model=up-1` */
  get url(): string {
    return `${this.#scheme}://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1/realtime?model=up-1`;
  }

  /** That of the call that came first, or as number `index`, from 0. Rejects after 5 s. */
  connection(index = 0): Promise<UpstreamConnection> {
    return this.#waiting.for(
      () => this.connections[index],
      () => `call ${index} to come upstream`,
    );
  }

  /** Of all connections: rules that were broken knowingly, in words. */
  get violations(): readonly string[] {
    return this.connections.flatMap(({ violations }) => violations);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { socket } of this.connections) socket.terminate();
    for (const socket of this.unanswered) socket.destroy();
    this.#server.closeAllConnections();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }
}

function refusal({ status, body }: { readonly status: number; readonly body: string }): string {
  const bytes = Buffer.byteLength(body);
  return `HTTP/1.1 ${status} No\r\ncontent-type: application/json\r\ncontent-length: ${bytes}\r\nconnection: close\r\n\r\n${body}`;
}
