// Where a program is told to listen: a port that was free a moment ago, or a UNIX socket. Given back by whoever took it.
import type { Clock } from '../../lifecycle/clock.ts';
import { type Endpoint, localEndpoint } from '../endpoint.ts';
import type { Left } from '../journal.ts';
import type { ListenAddress } from './ownership.ts';
import { reservePort } from './ports.ts';
import { takeSocket } from './unix-socket.ts';

export interface PlaceWanted {
  readonly host: string;
  readonly port: number | 'auto';
  readonly socket: 'auto' | string | undefined;
}

export interface Place {
  readonly endpoint: Endpoint;
  readonly address: ListenAddress;
  /** Null for a socket. */
  readonly port: number | null;
  /** `chosen`: the next attempt gets another one. */
  readonly choice: 'chosen' | 'fixed';
  release(): void | Promise<void>;
}

/** Throws `engine_port_taken`, which names who holds a fixed port where that can be known. */
export async function takePlace(
  wanted: PlaceWanted,
  engine: string,
  { journal, clock }: { readonly journal: Left | undefined; readonly clock: Clock },
): Promise<Place> {
  const { host, port: wantedPort, socket } = wanted;
  if (socket !== undefined) {
    const { path, release } = await takeSocket(socket, engine, clock);
    return {
      endpoint: localEndpoint({ host, port: 0, socketPath: path }),
      address: { socketPath: path },
      port: null,
      choice: socket === 'auto' ? 'chosen' : 'fixed',
      release,
    };
  }
  const { port, release } = await reservePort(host, wantedPort, engine, journal);
  return {
    endpoint: localEndpoint({ host, port }),
    address: { host, port },
    port,
    choice: wantedPort === 'auto' ? 'chosen' : 'fixed',
    release,
  };
}
