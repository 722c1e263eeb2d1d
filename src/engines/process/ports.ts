// Ports for engines: outside the range that the kernel gives to outgoing connections, so that none of those can take
// the port between our test and the engine's own bind; reserved within the process, then test-bound on the literal
// address. Of a fixed one that is taken the holder is named; ended it is only when an engine of ours has left it behind.
import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { delay, systemClock } from '../../lifecycle/clock.ts';
import { type ErrorDetails, GreenroomError } from '../../lifecycle/errors.ts';
import type { Left } from '../journal.ts';
import { portHolders } from './port-holders.ts';

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
  /** By another engine of this gateway, or by anybody else. */
  | { readonly state: 'ours' | 'taken' }
  /** No port of this address can be bound by us. */
  | { readonly state: 'impossible'; readonly cause: Error };

/** Throws `engine_port_taken`. @param left who was left behind and may be ended, as the journal knows it */
export async function reservePort(
  host: string,
  wanted: number | 'auto',
  engine: string,
  left?: Left,
): Promise<ReservedPort> {
  return wanted === 'auto' ? reserveAny(host, engine) : reserveFixed({ host, port: wanted, engine, left });
}

async function reserveAny(host: string, engine: string): Promise<ReservedPort> {
  const last = (await ephemeralFirst()) - 1;
  for (let count = 0; count < attemptsMax; count += 1) {
    const attempt = await reserve(host, randomInt(firstPort, last + 1));
    if (attempt.state === 'reserved') return attempt.reservation;
    if (attempt.state !== 'impossible') continue;
    const { cause } = attempt;
    const message = `engine ${engine}: cannot listen on ${host}: ${cause.message}`;
    throw refused(message, { engine, host, port: null }, cause);
  }
  const range = `between ${firstPort} and ${last}`;
  const message = `engine ${engine}: no free port on ${host} ${range} in ${attemptsMax} attempts`;
  throw refused(message, { engine, host, port: null });
}

interface Wanted {
  readonly host: string;
  readonly port: number;
  readonly engine: string;
  readonly left: Left | undefined;
}

async function reserveFixed(wanted: Wanted): Promise<ReservedPort> {
  const { host, port, engine, left } = wanted;
  const where = `engine ${engine}: port ${host}:${port}`;
  const facts = { engine, host, port };
  const untilMs = systemClock.now() + freeMs;
  for (;;) {
    const attempt = await reserve(host, port);
    if (attempt.state === 'reserved') return attempt.reservation;
    if (attempt.state === 'impossible')
      throw refused(`${where}: ${attempt.cause.message}`, facts, attempt.cause);
    if (attempt.state === 'ours')
      throw refused(`${where}: another engine of this gateway has it; give one of them another`, facts);
    const { state, text, holders } = await portHolders({ host, port }, left);
    // Gone meanwhile, or just about to: what it has left may take a moment.
    const soon = state === 'free' || state === 'reaped';
    if (!soon || systemClock.now() >= untilMs)
      throw refused(`${where} is taken: ${text}`, { ...facts, holders });
    await delay(systemClock, freePauseMs);
  }
}

/** How long a port may take to be free once nobody has it, or who had it was ended. */
const freeMs = 1000;
const freePauseMs = 20;

function refused(message: string, details: ErrorDetails, cause?: Error): GreenroomError {
  return new GreenroomError('engine_port_taken', message, { details, cause });
}

/** Reserves before it tries, so that of two who want the same port only one gets it. */
async function reserve(host: string, port: number): Promise<Attempt> {
  if (reserved.has(port)) return { state: 'ours' };
  reserved.add(port);
  const release = () => void reserved.delete(port);
  const error = await tryBind(host, port);
  if (!error) return { state: 'reserved', reservation: { port, release } };
  release();
  return error.code === 'EADDRINUSE' ? { state: 'taken' } : { state: 'impossible', cause: error };
}

/** Undefined when the address can be bound. */
export function tryBind(host: string, port: number): Promise<NodeJS.ErrnoException | undefined> {
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
