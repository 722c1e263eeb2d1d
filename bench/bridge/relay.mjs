// What everybody writes first: two sockets of `ws`, each message of the one sent to the other.
import WebSocket, { WebSocketServer } from 'ws';

const [, , port, to] = process.argv;
new WebSocketServer({ port: Number(port), host: '127.0.0.1', perMessageDeflate: false }).on(
  'connection',
  (caller) => {
    const upstream = new WebSocket(`ws://127.0.0.1:${to}`, { perMessageDeflate: false });
    const early = [];
    caller.on('message', (data, binary) => {
      if (upstream.readyState === WebSocket.OPEN) upstream.send(data, { binary });
      else early.push(data);
    });
    upstream.on('open', () => {
      for (const data of early) upstream.send(data, { binary: false });
    });
    upstream.on('message', (data, binary) => caller.send(data, { binary }));
    caller.on('close', () => upstream.close());
    upstream.on('close', () => caller.close());
    caller.on('error', () => undefined);
    upstream.on('error', () => undefined);
  },
);
