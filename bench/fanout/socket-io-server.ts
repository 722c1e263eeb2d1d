// Socket.IO, which is no dependency: found in the folder where the bench has installed it.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { produce } from './producer.ts';

interface Room {
  emit(name: string, event: unknown): void;
}

interface SocketIo extends Room {
  on(name: 'connection', listener: (socket: { join(room: string): void }) => void): void;
  to(room: string): Room;
}

const [, , folder = '.'] = process.argv;
const { Server } = createRequire(join(folder, 'package.json'))('socket.io') as {
  Server: new (server: unknown, options: object) => SocketIo;
};
const server = createServer();
const io = new Server(server, { transports: ['websocket'], serveClient: false });
io.on('connection', (socket) => socket.join('watchers'));
server.listen(0, '127.0.0.1');
await once(server, 'listening');
produce(
  (server.address() as AddressInfo).port,
  (event) => void io.to('watchers').emit('state_change', event),
);
