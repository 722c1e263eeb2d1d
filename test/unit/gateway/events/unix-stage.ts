// A UNIX socket for events over a hub that writes down, and producers who say exactly what they are told.
import { connect, type Socket } from 'node:net';
import {
  openUnixIngest,
  type UnixIngest,
  type UnixIngestOptions,
} from '../../../../src/gateway/events/unix-ingest.ts';
import { systemClock } from '../../../../src/lifecycle/clock.ts';
import { Scope } from '../../../../src/lifecycle/scope.ts';
import { testFolder } from '../../../support/folder.ts';
import { until } from '../../../support/poll.ts';
import { ingestParts } from './rig.ts';

export class UnixStage implements AsyncDisposable {
  readonly parts = ingestParts();
  readonly scope = new Scope('test', { clock: systemClock });
  readonly #folder: AsyncDisposable | undefined;
  readonly #talkers = new Set<Talker>();
  readonly ingest: UnixIngest;

  private constructor(
    folder: AsyncDisposable | undefined,
    ingest: UnixIngest,
    made: Pick<UnixStage, 'parts' | 'scope'>,
  ) {
    this.#folder = folder;
    this.ingest = ingest;
    this.parts = made.parts;
    this.scope = made.scope;
  }

  static async open(options: Partial<UnixIngestOptions> = {}): Promise<UnixStage> {
    const parts = ingestParts();
    const scope = new Scope('test', { clock: systemClock });
    const folder = options.directory === undefined ? await testFolder() : undefined;
    const directory = options.directory ?? folder?.path ?? '';
    const ingest = await openUnixIngest(scope, { ...parts, directory, ...options });
    return new UnixStage(folder, ingest, { parts, scope });
  }

  get published(): string[] {
    return this.parts.hub.data;
  }

  async talker(): Promise<Talker> {
    const talker = await Talker.dial(this.ingest.path);
    this.#talkers.add(talker);
    return talker;
  }

  /** When so many have been published. */
  async until(count: number, timeoutMs = 5000): Promise<void> {
    await until(() => this.published.length >= count, { timeoutMs, what: `${count} events` });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { socket } of this.#talkers) socket.destroy();
    await this.scope.close('done');
    await this.#folder?.[Symbol.asyncDispose]();
  }
}

/** A producer. */
export class Talker {
  readonly socket: Socket;
  /** What it was told. */
  text = '';
  state: 'open' | 'ended' | 'closed' = 'open';

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes) => {
      this.text += String(bytes);
    });
    socket.on('end', () => {
      if (this.state === 'open') this.state = 'ended';
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.state = 'closed';
    });
  }

  static async dial(path: string): Promise<Talker> {
    const talker = new Talker(connect({ path, allowHalfOpen: true }));
    await new Promise((resolve, reject) => {
      talker.socket.once('connect', resolve);
      talker.socket.once('error', reject);
    });
    return talker;
  }

  /** Resolves when the system has taken it. */
  say(text: string | Buffer): Promise<void> {
    return new Promise((resolve) => this.socket.write(text, () => resolve()));
  }

  get told(): {
    readonly type: string;
    readonly line: number;
    readonly code: string;
    readonly message: string;
  }[] {
    return this.text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  }

  async untilTold(count: number): Promise<void> {
    await until(() => this.text.split('\n').length > count, { timeoutMs: 5000, what: `${count} refusals` });
  }

  async untilEnded(): Promise<void> {
    await until(() => this.state !== 'open', { timeoutMs: 5000, what: 'the end of the connection' });
  }
}
