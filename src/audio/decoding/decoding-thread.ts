// The thread that decodes what is not PCM, for all sessions: see decoders.ts.
import { parentPort } from 'node:worker_threads';
import { yieldThread } from '../../lifecycle/priority.ts';
import { PlaceTeller } from './place-changes.ts';
import type { DecodingReply, DecodingRequest } from './protocol.ts';
import { openReader, type Read, type Reader } from './readers.ts';

yieldThread();
const port = parentPort;
if (!port) throw new Error('this is the thread that decodes audio, not a program');

interface Open {
  readonly reader: Reader;
  readonly places: PlaceTeller | undefined;
}

const streams = new Map<number, Open>();

port.on('message', (request: DecodingRequest) => void answer(request));

async function answer(request: DecodingRequest): Promise<void> {
  const { stream } = request;
  if (request.type === 'open') {
    const reader = openReader(request.container, request.toHz);
    const places = request.place === 'told' ? new PlaceTeller() : undefined;
    return void streams.set(stream, { reader, places });
  }
  const open = streams.get(stream);
  if (!open) return;
  const { reader } = open;
  if (request.type === 'close') {
    streams.delete(stream);
    return reader.free();
  }
  if (request.type === 'push') reader.feed(request.bytes);
  const read = request.type === 'end' ? reader.end() : await reader.read();
  // It was closed meanwhile.
  if (streams.get(stream) !== open) return reader.free();
  tell(stream, open, read);
}

function tell(stream: number, { reader, places }: Open, read: Read): void {
  const place = (read.state === 'through' && places?.change(reader.stand)) || null;
  const reply: DecodingReply = { stream, facts: reader.facts, place, ...read };
  // Only what is all its own can change hands.
  const own = read.pcm.byteLength === read.pcm.buffer.byteLength && read.pcm.length > 0;
  port?.postMessage(reply, own ? [read.pcm.buffer as ArrayBuffer] : []);
}
