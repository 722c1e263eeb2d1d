// What most write by hand: one JSON.stringify, and a `send` to each client of `ws`.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import { produce } from './producer.ts';

const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
await once(server, 'listening');
produce((server.address() as AddressInfo).port, (event) => {
  const json = JSON.stringify(event);
  for (const client of server.clients) client.send(json);
});
