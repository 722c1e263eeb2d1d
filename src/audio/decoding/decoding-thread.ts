// The thread that decodes what is not PCM, for all sessions: see decoders.ts.
import { parentPort } from 'node:worker_threads';
import { yieldThread } from '../../lifecycle/priority.ts';
import type { DecodingReply, DecodingRequest } from './protocol.ts';
import { openReader, type Read, type Reader } from './readers.ts';

yieldThread();
const port = parentPort;
if (!port) throw new Error('this is the thread that decodes audio, not a program');
const readers = new Map<number, Reader>();

port.on('message', (request: DecodingRequest) => void answer(request));

async function answer(request: DecodingRequest): Promise<void> {
  const { stream } = request;
  if (request.type === 'open') return void readers.set(stream, openReader(request.container, request.toHz));
  const reader = readers.get(stream);
  if (!reader) return;
  if (request.type === 'close') {
    readers.delete(stream);
    return reader.free();
  }
  if (request.type === 'push') reader.feed(request.bytes);
  const read = request.type === 'end' ? reader.end() : await reader.read();
  // It was closed meanwhile.
  if (readers.get(stream) !== reader) return reader.free();
  tell(stream, reader, read);
}

function tell(stream: number, { facts, place }: Reader, read: Read): void {
  const reply: DecodingReply = { stream, facts, place: read.state === 'through' ? place : null, ...read };
  // Only what is all its own can change hands.
  const own = read.pcm.byteLength === read.pcm.buffer.byteLength && read.pcm.length > 0;
  port?.postMessage(reply, own ? [read.pcm.buffer as ArrayBuffer] : []);
}
