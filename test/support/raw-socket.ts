// A TCP connection that says exactly what it is told: requests that no client would send, and when it likes.
import { connect, type Socket } from 'node:net';
import { until } from './poll.ts';

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export class RawSocket implements AsyncDisposable {
  readonly socket: Socket;
  /** Everything that was ever received. */
  text = '';
  state: 'open' | 'closed' = 'open';
  /** Why it was closed, if by an error. */
  error: NodeJS.ErrnoException | undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (chunk) => {
      this.text += chunk;
    });
    socket.on('error', (error) => {
      this.error = error;
    });
    socket.on('close', () => {
      this.state = 'closed';
    });
  }

  static async dial(url: string): Promise<RawSocket> {
    const { hostname, port } = new URL(url);
    const raw = new RawSocket(connect(Number(port), hostname));
    await new Promise((resolve, reject) => {
      raw.socket.once('connect', resolve);
      raw.socket.once('error', reject);
    });
    return raw;
  }

  /** Bytes as they are: one character, one byte. */
  write(text: string): void {
    this.socket.write(text, 'latin1');
  }

  /** The first answer that is there as a whole. */
  answer(timeoutMs = 5000): Promise<RawAnswer> {
    return until(() => parseAnswer(this.text), {
      timeoutMs,
      what: `an answer (so far: ${JSON.stringify(this.text)}, ${this.state}, ${this.error?.code})`,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    await until(() => this.state === 'closed', { timeoutMs: 5000, what: 'the connection to close' });
  }
}

/** Interim answers (100) are left out. */
function parseAnswer(text: string): RawAnswer | undefined {
  const final = text.replace(/^HTTP\/1\.1 100 .*?\r\n\r\n/s, '');
  const headEnd = final.indexOf('\r\n\r\n');
  if (headEnd === -1) return undefined;
  const [statusLine = '', ...lines] = final.slice(0, headEnd).split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => {
      const [name = '', ...value] = line.split(': ');
      return [name.toLowerCase(), value.join(': ')];
    }),
  );
  const body = final.slice(headEnd + 4);
  if (body.length < Number(headers['content-length'] ?? 0)) return undefined;
  return { status: Number(statusLine.split(' ')[1]), headers, body };
}
