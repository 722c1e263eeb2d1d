// A door in front of a gateway: who knocks waits until it is opened.
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface HeldDoor extends AsyncDisposable {
  readonly url: string;
  /** Somebody waits. */
  readonly knocked: Promise<void>;
  open(): void;
  /** Everybody who is in is cut off; the door stays open. */
  cut(): void;
}

export async function heldDoor(url: string): Promise<HeldDoor> {
  const knock = Promise.withResolvers<void>();
  const opening = Promise.withResolvers<void>();
  const sockets = new Set<Socket>();
  const server = createServer((caller) => {
    sockets.add(caller);
    caller.on('error', () => undefined);
    knock.resolve();
    void opening.promise.then(() => {
      const { hostname, port } = new URL(url);
      const gateway = connect(Number(port), hostname).on('error', () => undefined);
      sockets.add(gateway);
      caller.pipe(gateway).pipe(caller);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    knocked: knock.promise,
    open: () => opening.resolve(),
    cut() {
      for (const socket of sockets) socket.destroy();
      sockets.clear();
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
