// Bun's own publish; runs in Bun.
import { produce } from './producer.ts';

interface BunSocket {
  subscribe(topic: string): void;
}

interface BunServer {
  readonly port: number;
  upgrade(request: Request): boolean;
  publish(topic: string, message: string): number;
}

declare const Bun: {
  serve(options: {
    readonly hostname: string;
    readonly port: number;
    readonly fetch: (request: Request, server: BunServer) => Response | undefined;
    readonly websocket: {
      readonly open: (socket: BunSocket) => void;
      readonly message: () => void;
    };
  }): BunServer;
};

const server = Bun.serve({
  ...{ hostname: '127.0.0.1', port: 0 },
  fetch: (request, bun) => (bun.upgrade(request) ? undefined : new Response('', { status: 400 })),
  websocket: { open: (socket) => socket.subscribe('watchers'), message: () => undefined },
});
produce(server.port, (event) => void server.publish('watchers', JSON.stringify(event)));
