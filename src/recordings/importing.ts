// A recording that somebody brings along: its bytes go to a file of their own as they come, and are looked through on the
// way; only what can be played becomes a take. Whatever goes wrong, nothing of it is left.
import { constants } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import type { DecoderStream } from '../audio/decoding/decoder-stream.ts';
import type { Decoders } from '../audio/decoding/decoders.ts';
import { beginsWebm } from '../audio/webm/demuxer.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import { type NewId, randomId } from '../wire/ids.ts';
import type { TakeFacts } from './facts.ts';
import { errnoOf, whyOf } from './folders.ts';
import type { Container } from './names.ts';
import type { Recorder } from './recorder.ts';

export interface ImportingOptions {
  readonly decoders: Pick<Decoders, 'open'>;
  readonly recorder: Pick<Recorder, 'ask'>;
  /** Of one file. */
  readonly bytesMax: number;
  /** Ms since the epoch. */
  readonly wallTime: () => number;
  readonly newId?: NewId;
}

/** Each holds a file and a stream of the thread that decodes. */
const atOnceMax = 4;
/** Enough to know what it is. */
const magicBytes = 12;
const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;

export class Importing {
  readonly #options: ImportingOptions;
  #count = 0;

  constructor(options: ImportingOptions) {
    this.#options = options;
  }

  /**
   * Takes a WAV or WebM/Opus, told by its content.
   * @throws GreenroomError `invalid_audio` with the place, `body_too_large`, `server_busy`, `invalid_request` where it does
   * not come to its end, `recording_failed`
   */
  async take(body: AsyncIterable<Uint8Array>): Promise<TakeFacts> {
    if (this.#count >= atOnceMax) {
      const message = `${atOnceMax} recordings are being imported already; wait for one of them`;
      throw new GreenroomError('server_busy', message, { details: { limit: atOnceMax } });
    }
    this.#count += 1;
    try {
      return await this.#take(body);
    } finally {
      this.#count -= 1;
    }
  }

  async #take(body: AsyncIterable<Uint8Array>): Promise<TakeFacts> {
    const { recorder, wallTime, newId = randomId } = this.#options;
    const session = newId('import');
    const room = await recorder.ask({ of: 'room', session });
    if (room.state !== 'room') throw failed(room.state === 'failed' ? room.message : room.state);
    try {
      const file = await open(room.path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600).catch(unwritable);
      let seen: Seen;
      try {
        seen = await this.#receive(body, file);
        // Said to be there means that it outlasts the machine.
        await file.sync().catch(unwritable);
      } finally {
        await file.close();
      }
      const found = await recorder.ask({ of: 'adopt', session, path: room.path, atMs: wallTime(), ...seen });
      if (found.state === 'one') return found.take;
      throw failed(found.state === 'failed' ? found.message : found.state);
    } catch (thrown) {
      await rm(room.path, { force: true });
      throw thrown;
    }
  }

  async #receive(body: AsyncIterable<Uint8Array>, file: FileHandle): Promise<Seen> {
    let start = Buffer.alloc(0);
    let bytes = 0;
    let looking: { readonly container: Container; readonly stream: DecoderStream } | undefined;
    try {
      for await (const piece of pieces(body)) {
        bytes += piece.length;
        this.#checkSize(bytes);
        await file.appendFile(piece).catch(unwritable);
        if (looking) {
          await through(looking.stream, piece);
          continue;
        }
        start = Buffer.concat([start, piece]);
        if (start.length < magicBytes) continue;
        const container = containerOf(start);
        looking = { container, stream: this.#options.decoders.open(container, null) };
        await through(looking.stream, start);
      }
      if (!looking) throw odd(start);
      const { container, stream } = looking;
      await stream.end();
      const { facts } = stream;
      if (!facts || facts.samples === 0)
        throw new GreenroomError(
          'invalid_audio',
          `there is no sound in the ${bytes} bytes of this ${container}`,
        );
      return { container, codec: facts.codec, rateHz: facts.rateHz, samples: facts.samples, bytes };
    } finally {
      looking?.stream.close();
    }
  }

  #checkSize(bytes: number): void {
    const { bytesMax } = this.#options;
    if (bytes <= bytesMax) return;
    const message = `the recording is over the limit of ${bytesMax} bytes; raise \`recordings.import\`, or bring it in parts`;
    throw new GreenroomError('body_too_large', message, { details: { limit: bytesMax } });
  }
}

/** What is known of a file when all of it has come. */
export interface Seen {
  readonly container: Container;
  readonly codec: 'pcm' | 'opus';
  readonly rateHz: number;
  readonly samples: number;
  readonly bytes: number;
}

/** Nothing comes out: it is only looked through. */
async function through(stream: DecoderStream, bytes: Uint8Array): Promise<void> {
  for await (const _ of stream.decode(bytes));
}

async function* pieces(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (cause) {
    throw new GreenroomError('invalid_request', 'the recording did not come to its end', { cause });
  }
}

function containerOf(start: Buffer): Container {
  if (beginsWebm(start)) return 'webm';
  if (start.toString('latin1', 0, 4) === 'RIFF' && start.toString('latin1', 8, 12) === 'WAVE') return 'wav';
  throw odd(start);
}

function odd(start: Buffer): GreenroomError {
  const found = start.length === 0 ? 'nothing' : JSON.stringify(start.toString('latin1', 0, magicBytes));
  return new GreenroomError(
    'invalid_audio',
    `a recording is WAV or WebM with Opus; this one begins with ${found}`,
  );
}

const failed = (why: string) => new GreenroomError('recording_failed', `the import cannot be kept: ${why}`);

function unwritable(thrown: unknown): never {
  throw errnoOf(thrown) === undefined ? thrown : failed(whyOf(thrown));
}
