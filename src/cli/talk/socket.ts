// The WebSocket that `talk` uses. Node's own says nothing of why it did not open, and cannot be ended when the server
// never answers a close; this one reads the refusal and can be terminated.
import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import { refusalOf } from '../../client/refusal.ts';

const refusalBytesMax = 256 * 1024;

export class TalkSocket extends WebSocket {
  constructor(url: string, protocols: string[]) {
    super(url, protocols, { perMessageDeflate: false });
    this.once('unexpected-response', (_request, response: IncomingMessage) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      const tell = () => {
        if (this.readyState !== WebSocket.CONNECTING) return;
        const text = Buffer.concat(chunks).toString();
        // The client takes the first error for the reason.
        const { statusCode: status = 0, headers } = response;
        this.emit('error', refusalOf({ socketUrl: url, status, text, retryAfter: headers['retry-after'] }));
        this.terminate();
      };
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.byteLength;
        if (bytes >= refusalBytesMax) tell();
      });
      response.once('end', tell);
      response.once('error', tell);
    });
  }
}
