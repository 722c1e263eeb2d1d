// One producer's connection to the UNIX socket. Lines are published as they come, by turns; bad ones are refused one by
// one and told back, as far as the producer reads. It is never waited for, and nothing is kept for it to read.
//
//     reading ──it has ended──▶ ending ──its last line is done──▶ ended
//        └──────────leave()──────────────────────────────────────▲
import { writeSync } from 'node:fs';
import type { Socket } from 'node:net';
import { Intake } from '../../hub/intake.ts';
import { type Line, Lines } from '../../hub/lines.ts';
import type { Producer } from '../../hub/producers.ts';
import type { Publishes } from '../../hub/publication.ts';
import { type Clock, turn } from '../../lifecycle/clock.ts';
import type { Deadline } from '../../lifecycle/deadline.ts';
import { GreenroomError } from '../../lifecycle/errors.ts';
import type { Log } from '../../telemetry/log.ts';
import type { FairTurns, Worker } from './fair-turns.ts';

export interface UnixProducerOptions {
  readonly socket: Socket;
  readonly hub: Publishes;
  readonly producer: Producer;
  readonly clock: Clock;
  readonly turns: FairTurns;
  readonly log: Log;
  readonly lineBytesMax: number;
  readonly onEnd: () => void;
}

/** Refusals are gathered up to this, to be written at once. */
const tellBytesMax = 16 * 1024;
const logPauseMs = 1000;
const quietTurnsEnough = 2;

export class UnixProducer implements Worker {
  readonly #options: UnixProducerOptions;
  readonly #intake: Intake;
  readonly #lines: Lines;
  /** Read, and not looked at yet: a piece or two, since nothing is read meanwhile. */
  readonly #pieces: Buffer[] = [];
  #state: 'reading' | 'ending' | 'ended' = 'reading';
  #work: 'none' | 'waiting' = 'none';
  #piecesEver = 0;
  #refusals = '';
  /** Of what was written last, what the system did not take. */
  #untaken: Buffer | undefined;
  #unlogged = 0;
  #loggedMs = Number.NEGATIVE_INFINITY;

  constructor(options: UnixProducerOptions) {
    const { socket, lineBytesMax } = options;
    this.#options = options;
    this.#intake = new Intake(options);
    this.#lines = new Lines(lineBytesMax);
    socket.on('data', (piece: Buffer) => this.#came(piece));
    socket.on('end', () => this.#over());
    // A producer that closes without having read what it was told ends with an error; everything it sent has come.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      if (this.#state !== 'reading') return;
      for (let piece = socket.read(); piece !== null; piece = socket.read()) this.#pieces.push(piece);
      this.#over();
    });
  }

  work(mayGoOn: () => boolean): 'done' | 'more' {
    for (let line = this.#next(); line; line = this.#next()) {
      this.#take(line);
      if (mayGoOn()) continue;
      this.#tell();
      return 'more';
    }
    if (this.#state === 'ending') return this.#finish();
    this.#tell();
    this.#work = 'none';
    const { socket } = this.#options;
    if (socket.isPaused()) socket.resume();
    return 'done';
  }

  /** What has come is published as far as its lines are whole; then the connection is ended. */
  async leave(limit: Deadline): Promise<void> {
    const { clock, socket } = this.#options;
    for (let quietTurns = 0; quietTurns < quietTurnsEnough && !limit.expired && this.#state !== 'ended'; ) {
      const before = this.#piecesEver;
      await turn(clock);
      quietTurns = this.#piecesEver === before && this.#work === 'none' ? quietTurns + 1 : 0;
    }
    if (this.#state !== 'ended') this.work(() => true);
    if (this.#state === 'reading') {
      this.#dropHalf();
      this.#finish();
    }
    if (socket.closed) return;
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.destroy();
    await closed;
  }

  #came(piece: Buffer): void {
    if (this.#state !== 'reading') return;
    this.#piecesEver += 1;
    this.#pieces.push(piece);
    this.#ask();
    if (this.#work === 'waiting') this.#options.socket.pause();
  }

  #over(): void {
    if (this.#state !== 'reading') return;
    this.#state = 'ending';
    this.#ask();
  }

  /** Of all that has come. */
  #next(): Line | undefined {
    for (;;) {
      const line = this.#lines.next();
      if (line) return line;
      const piece = this.#pieces.shift();
      if (!piece) break;
      this.#lines.push(piece);
    }
    if (this.#state !== 'ending') return undefined;
    this.#lines.end();
    return this.#lines.next();
  }

  #ask(): void {
    this.#work = 'waiting';
    this.#options.turns.ask(this);
  }

  #take(line: Line): void {
    const taken =
      line.state === 'whole'
        ? this.#intake.take(line.bytes)
        : this.#intake.refuse(lineTooLong(this.#options.lineBytesMax));
    if (taken.state === 'rejected') this.#refused(line.number, taken.error);
  }

  #dropHalf(): void {
    const { half } = this.#lines;
    if (half === undefined) return;
    const error = new GreenroomError('server_shutdown', 'the gateway is leaving, and the line has not ended');
    this.#intake.refuse(error);
    this.#refused(half, error);
  }

  #refused(line: number, error: GreenroomError): void {
    this.#refusals += rejectionLine(line, error);
    if (this.#refusals.length >= tellBytesMax) this.#tell();
    this.#unlogged += 1;
    const { clock, log, producer } = this.#options;
    if (clock.now() - this.#loggedMs < logPauseMs) return;
    this.#loggedMs = clock.now();
    const { code, message } = error;
    const facts = { producer: producer.id, line, code, rejected: this.#unlogged };
    log.warn(facts, `producer ${producer.id}: line ${line} was refused: ${message}`);
    this.#unlogged = 0;
  }

  /** What the system does not take now is not told. Only a line that is told in part is told to its end. */
  #tell(): void {
    const { socket } = this.#options;
    if (this.#untaken) {
      this.#untaken = writeNow(socket, this.#untaken);
      if (this.#untaken) this.#refusals = '';
    }
    if (this.#refusals === '') return;
    const refusals = Buffer.from(this.#refusals);
    this.#refusals = '';
    const left = writeNow(socket, refusals);
    if (left && left.length < refusals.length) this.#untaken = left;
  }

  #finish(): 'done' {
    const { socket, producer, turns, onEnd } = this.#options;
    this.#tell();
    this.#state = 'ended';
    this.#work = 'none';
    turns.forget(this);
    socket.end();
    producer.left();
    onEnd();
    return 'done';
  }
}

export const rejectionLine = (line: number, { code, message }: GreenroomError): string =>
  `${JSON.stringify({ type: 'rejected', line, code, message })}\n`;

export function lineTooLong(bytesMax: number): GreenroomError {
  const message = `the line is longer than ${bytesMax} bytes; send less, or where it can be fetched`;
  return new GreenroomError('event_too_large', message, { details: { limit: bytesMax } });
}

/**
 * Writes what the system takes at once; returns the rest. Not by the stream: it keeps what is not taken, and when the
 * producer has gone it throws away what the producer sent before and we have not read.
 */
export function writeNow(socket: Socket, text: Buffer | string): Buffer | undefined {
  const bytes = Buffer.from(text);
  const fd = (socket as { readonly _handle?: { readonly fd?: number } | null })._handle?.fd ?? -1;
  if (socket.destroyed || fd < 0) return undefined;
  try {
    const written = writeSync(fd, bytes);
    return written < bytes.length ? bytes.subarray(written) : undefined;
  } catch (error) {
    // Full: nothing was taken. Everything else means that nobody reads any more.
    return (error as NodeJS.ErrnoException).code === 'EAGAIN' ? bytes : undefined;
  }
}
