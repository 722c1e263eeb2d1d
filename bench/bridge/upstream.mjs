// An upstream that answers each frame of audio with one of its own, with the same audio: what is in between is measured.
// Without any check, so that it costs little.
import { WebSocketServer } from 'ws';

const [, , port] = process.argv;
const head =
  '{"type":"response.output_audio.delta","event_id":"event_CbVZ4lDrtbGRZkRgJ3b5c","response_id":"resp_CbVZ4KbTo5g3b2uI","item_id":"item_CbVZ4Hj2FNm1Kt8A","output_index":0,"content_index":0,"delta":"';
const session = {
  type: 'realtime',
  object: 'realtime.session',
  id: 'sess_up',
  model: 'up',
  audio: { input: {}, output: {} },
};
new WebSocketServer({ port: Number(port), host: '127.0.0.1', perMessageDeflate: false }).on(
  'connection',
  (socket) => {
    socket.send(JSON.stringify({ type: 'session.created', event_id: 'event_1', session }));
    socket.on('message', (data) => {
      const text = data.toString('latin1');
      const at = text.indexOf('"audio":"');
      if (at !== -1) socket.send(head + text.slice(at + 9));
    });
    socket.on('error', () => undefined);
  },
);
