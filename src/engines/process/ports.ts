// Ports for engines: outside the range that the kernel gives to outgoing connections, so that none of those can take
// the port between our test and the engine's own bind; reserved within the process, then test-bound on the literal
// address.
import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { type ErrorDetails, GreenroomError } from '../../lifecycle/errors.ts';

const reserved = new Set<number>();
const attemptsMax = 50;

/** Ephemeral ports begin here where the kernel does not say. */
const ephemeralFirstDefault = 32_768;
const firstPort = 20_000;

export interface ReservedPort {
  readonly port: number;
  release(): void;
}

type Attempt =
  | { readonly state: 'reserved'; readonly reservation: ReservedPort }
  | { readonly state: 'taken'; readonly why: string; readonly cause?: undefined }
  /** No port of this address can be bound by us. */
  | { readonly state: 'impossible'; readonly why: string; readonly cause: Error };

export async function reservePort(
  host: string,
  wanted: number | 'auto',
  engine: string,
): Promise<ReservedPort> {
  if (wanted !== 'auto') {
    const attempt = await reserve(host, wanted);
    if (attempt.state === 'reserved') return attempt.reservation;
    const hint = `\`lsof -nP -i :${wanted}\` names the holder; end it, or use \`port: auto\``;
    const next = attempt.state === 'taken' ? `; ${hint}` : '';
    const message = `engine ${engine}: port ${host}:${wanted}: ${attempt.why}${next}`;
    throw refused(message, { engine, host, port: wanted }, attempt.cause);
  }
  const last = (await ephemeralFirst()) - 1;
  for (let count = 0; count < attemptsMax; count += 1) {
    const attempt = await reserve(host, randomInt(firstPort, last + 1));
    if (attempt.state === 'reserved') return attempt.reservation;
    if (attempt.state === 'impossible')
      throw refused(
        `engine ${engine}: cannot listen on ${host}: ${attempt.why}`,
        { engine, host, port: null },
        attempt.cause,
      );
  }
  const range = `between ${firstPort} and ${last}`;
  const message = `engine ${engine}: no free port on ${host} ${range} in ${attemptsMax} attempts`;
  throw refused(message, { engine, host, port: null });
}

function refused(message: string, details: ErrorDetails, cause?: Error): GreenroomError {
  return new GreenroomError('engine_port_taken', message, { details, cause });
}

/** Reserves before it tries, so that of two who want the same port only one gets it. */
async function reserve(host: string, port: number): Promise<Attempt> {
  if (reserved.has(port)) return { state: 'taken', why: 'another engine of this gateway has it' };
  reserved.add(port);
  const release = () => void reserved.delete(port);
  const error = await tryBind(host, port);
  if (!error) return { state: 'reserved', reservation: { port, release } };
  release();
  return error.code === 'EADDRINUSE'
    ? { state: 'taken', why: 'something else listens there' }
    : { state: 'impossible', why: error.message, cause: error };
}

/** Undefined when the address can be bound. */
function tryBind(host: string, port: number): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', resolve);
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

async function ephemeralFirst(): Promise<number> {
  try {
    const range = await readFile('/proc/sys/net/ipv4/ip_local_port_range', 'utf8');
    const first = Number.parseInt(range, 10);
    return first > firstPort + 1000 ? first : ephemeralFirstDefault;
  } catch {
    return ephemeralFirstDefault;
  }
}
