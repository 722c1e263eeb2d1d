// `greenroom events --publish`: lines, as they come, to the gateway; one request at a time, so that their order is kept,
// with what there is to send. A file that is one JSON document is sent as that.
import { constants, createReadStream, open as openFd } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Socket } from 'node:net';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { publishedIn, refusedPost } from '../../client/hub/failures.ts';
import { GreenroomError, messageOf } from '../../lifecycle/errors.ts';
import type { Scope } from '../../lifecycle/scope.ts';
import { ask, gatewayUrl } from '../ask.ts';
import type { CommandIo } from '../io.ts';
import { type Line, LineSplitter } from './lines.ts';

export interface PublishOptions {
  /** `-`: standard input. */
  readonly file: string;
  /** Each line is an event of it. Default: as the lines say. */
  readonly topic?: string | undefined;
  /** Each line is a text, whatever it looks like. */
  readonly text?: boolean | undefined;
  readonly token: string | undefined;
  readonly json: boolean;
}

/** What the gateway takes of one event, and its envelope. */
const lineBytesMax = 1024 * 1024 + 1024;
const batchBytesMax = 256 * 1024;
/** A document of several lines is kept until it is whole. */
const documentBytesMax = 1024 * 1024;
const postMs = 30_000;

interface Refusal {
  readonly line: number;
  readonly code: string;
  readonly message: string;
}

/** Returns 0 when everything was taken, 1 when something was not. Throws `bad_usage`, and what a gateway refuses all with. */
export async function publish(
  options: PublishOptions,
  url: string,
  io: CommandIo,
  scope: Scope,
): Promise<number> {
  const publisher = new Publisher(options, url, io, scope);
  const splitter = new LineSplitter(lineBytesMax);
  for await (const chunk of await open(options.file, io)) {
    if (io.signal.aborted) break;
    await publisher.take(splitter.push(chunk));
  }
  if (!io.signal.aborted) {
    await publisher.take(splitter.end());
    await publisher.end();
  }
  return publisher.report();
}

class Publisher {
  readonly #options: PublishOptions;
  readonly #url: string;
  readonly #io: CommandIo;
  readonly #scope: Scope;
  /** `unknown`: whether this is one document, the lines of which are kept. */
  #form: 'unknown' | 'lines' = 'unknown';
  #kept: Line[] = [];
  #keptBytes = 0;
  #accepted = 0;
  #refused = 0;
  #id: string | null = null;

  constructor(options: PublishOptions, url: string, io: CommandIo, scope: Scope) {
    this.#options = options;
    this.#url = url;
    this.#io = io;
    this.#scope = scope;
  }

  async take(lines: readonly Line[]): Promise<void> {
    if (this.#options.text) this.#form = 'lines';
    if (this.#form === 'lines') return this.#sendLines(lines);
    this.#kept.push(...lines);
    this.#keptBytes += lines.reduce((sum, { length }) => sum + length, 0);
    const [first, second] = this.#kept;
    if (!first || (mayBeginDocument(first, second) && this.#keptBytes <= documentBytesMax)) return;
    await this.#lines();
  }

  async end(): Promise<void> {
    if (this.#kept.length === 0) return;
    const text = Buffer.concat(this.#kept.flatMap(({ bytes }) => [bytes, Buffer.from('\n')]));
    if (this.#kept.some(({ length }) => length > lineBytesMax) || !isJson(text)) return this.#lines();
    this.#kept = [];
    const sent = this.#wrapped(text);
    await this.#post({ type: 'application/json', bytes: sent }, [1]);
  }

  report(): number {
    const [accepted, refused, id] = [this.#accepted, this.#refused, this.#id];
    if (this.#options.json) this.#io.out(JSON.stringify({ event: 'published', accepted, refused, id }));
    else
      this.#io.err(`accepted ${accepted}, refused ${refused}${id === null ? '' : `; the last one is ${id}`}`);
    return refused === 0 ? 0 : 1;
  }

  async #lines(): Promise<void> {
    this.#form = 'lines';
    await this.#sendLines(this.#kept.splice(0));
  }

  async #sendLines(lines: readonly Line[]): Promise<void> {
    let batch: Line[] = [];
    let bytes = 0;
    const flush = async () => {
      if (batch.length === 0) return;
      const body = Buffer.concat(batch.flatMap((line) => [this.#wrapped(line.bytes), Buffer.from('\n')]));
      const numbers = batch.map(({ number }) => number);
      [batch, bytes] = [[], 0];
      await this.#post({ type: 'application/x-ndjson', bytes: body }, numbers);
    };
    for (const line of lines) {
      if (this.#io.signal.aborted) return;
      const refusal = this.#refusalOf(line);
      if (refusal) {
        this.#refuse(refusal);
        continue;
      }
      if (bytes + line.length > batchBytesMax) await flush();
      batch.push(line);
      bytes += line.length;
    }
    await flush();
  }

  /** Without a look at what is sent a line could end the envelope that it is put into. */
  #refusalOf({ number, bytes, length }: Line): Refusal | undefined {
    if (length > lineBytesMax) {
      const message = `the line has ${length} bytes; an event has at most ${1024 * 1024} of data`;
      return { line: number, code: 'event_too_large', message };
    }
    if (this.#options.topic === undefined || this.#options.text || isJson(bytes)) return undefined;
    const message = 'the line is no JSON; with --text every line is an event, as a text';
    return { line: number, code: 'invalid_event', message };
  }

  #wrapped(given: Buffer): Buffer {
    const { topic, text } = this.#options;
    const data = text ? Buffer.from(JSON.stringify(given.toString())) : given;
    if (topic === undefined) return data;
    return Buffer.concat([Buffer.from(`{"topic":${JSON.stringify(topic)},"data":`), data, Buffer.from('}')]);
  }

  async #post(
    body: { readonly type: string; readonly bytes: Buffer },
    numbers: readonly number[],
  ): Promise<void> {
    if (this.#io.signal.aborted) return;
    const { token } = this.#options;
    const url = gatewayUrl(this.#url, '/v1/events');
    const asked = await ask({ url, method: 'POST', token, body }, this.#scope, postMs);
    if (asked.state === 'silent') {
      if (this.#io.signal.aborted) return;
      throw new GreenroomError('gateway_unreachable', asked.why);
    }
    const published = publishedIn(asked.text);
    const refusal = published ? undefined : refusedPost(url.href, asked.status, asked.text);
    // It has looked at what was sent, and not at who sends it.
    if (refusal && asked.status !== 400 && asked.status !== 413) throw refusal;
    const { accepted = 0, id = null } = published ?? {};
    const { rejected = [], rejectedCount = 0 } = published ?? {};
    this.#accepted += accepted;
    this.#id = id ?? this.#id;
    for (const { line, code, message } of rejected)
      this.#refuse({ line: numbers[line - 1] ?? line, code, message });
    // Not all of them are named.
    const unnamed = Math.max(0, rejectedCount - rejected.length);
    this.#refused += unnamed;
    if (unnamed > 0) this.#io.err(`and ${unnamed} more lines up to line ${numbers.at(-1)}`);
    if (!refusal) return;
    for (const line of numbers) this.#refuse({ line, code: refusal.code, message: refusal.message });
  }

  #refuse(refusal: Refusal): void {
    this.#refused += 1;
    const { line, code, message } = refusal;
    if (this.#options.json) this.#io.out(JSON.stringify({ event: 'refused', ...refusal }));
    else this.#io.err(`line ${line}: ${message} [${code}]`);
  }
}

async function open(file: string, io: CommandIo): Promise<AsyncIterable<Buffer>> {
  if (file === '-') {
    const input = io.input?.();
    if (!input) throw new GreenroomError('bad_usage', '--publish -: there is no standard input');
    // A read that waits is not awaited any longer.
    io.signal.addEventListener('abort', () => input.destroy(), { once: true });
    return quietEnd(input, io.signal);
  }
  const path = resolve(io.cwd, file);
  const found = await stat(path).catch((thrown: unknown) => {
    const next = /^\s*[[{]/.test(file) ? '; it takes a file of events, or - for standard input' : '';
    throw new GreenroomError('bad_usage', `--publish ${file}: ${messageOf(thrown)}${next}`);
  });
  if (found.isDirectory()) throw new GreenroomError('bad_usage', `--publish ${file}: it is a directory`);
  return quietEnd(
    found.isFIFO() ? await openPipe(path, io.signal) : createReadStream(path, { signal: io.signal }),
    io.signal,
  );
}

/** A named pipe that nobody writes to yet: to wait for it in `open` could not be interrupted, not even by the process' end. */
async function openPipe(path: string, signal: AbortSignal): Promise<Socket> {
  const pipe = await promisify(openFd)(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const input = new Socket({ fd: pipe, readable: true, writable: false });
  signal.addEventListener('abort', () => input.destroy(), { once: true });
  return input;
}

/** An interruption is an end like any other. */
async function* quietEnd(input: AsyncIterable<unknown>, signal: AbortSignal): AsyncIterable<Buffer> {
  try {
    for await (const chunk of input) yield Buffer.from(chunk as Uint8Array);
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
  }
}

/** One value on a line of its own is a line, unless it is the only one and a list. */
function mayBeginDocument(first: Line, second: Line | undefined): boolean {
  if (first.length > lineBytesMax) return false;
  const begins = /^\s*([[{])/.exec(first.bytes.subarray(0, 80).toString('latin1'))?.[1];
  if (!begins) return false;
  if (isJson(first.bytes)) return begins === '[' && second === undefined;
  return true;
}

function isJson(bytes: Buffer): boolean {
  try {
    JSON.parse(bytes.toString());
    return true;
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return false;
    throw thrown;
  }
}
