// An upstream that answers each frame of audio with one of its own of the same length. Its answer is made once and
// written below `ws`: what is in between is measured, not this.
import { WebSocketServer } from 'ws';

const [, , port, frameBytes] = process.argv;
const session = {
  type: 'realtime',
  object: 'realtime.session',
  id: 'sess_up',
  model: 'up',
  audio: { input: {}, output: {} },
};
const delta = Buffer.from(
  JSON.stringify({
    type: 'response.output_audio.delta',
    event_id: 'event_CbVZ4lDrtbGRZkRgJ3b5c',
    response_id: 'resp_CbVZ4KbTo5g3b2uI',
    item_id: 'item_CbVZ4Hj2FNm1Kt8A',
    output_index: 0,
    content_index: 0,
    delta: Buffer.alloc(Number(frameBytes), 7).toString('base64'),
  }),
);
const answer = Buffer.concat([Buffer.from([0x81, 126, delta.length >> 8, delta.length & 0xff]), delta]);

new WebSocketServer({ port: Number(port), host: '127.0.0.1', perMessageDeflate: false }).on(
  'connection',
  (socket, { socket: below }) => {
    socket.send(JSON.stringify({ type: 'session.created', event_id: 'event_1', session }));
    socket.on('message', (data) => {
      // Audio is the only thing that is long.
      if (data.length > frameBytes) below.write(answer);
    });
    socket.on('error', () => undefined);
  },
);
