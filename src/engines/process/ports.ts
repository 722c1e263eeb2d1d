// Ports for engines: outside the range that the kernel gives to outgoing connections, so that none of those can take
// the port between our test and the engine's own bind; test-bound on the literal address; reserved within the gateway.
import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { GreenroomError } from '../../lifecycle/errors.ts';

const reserved = new Set<number>();
const attemptsMax = 50;

/** Ephemeral ports begin here where the kernel does not say. */
const ephemeralFirstDefault = 32_768;
const firstPort = 20_000;

export interface ReservedPort {
  readonly port: number;
  release(): void;
}

export async function reservePort(
  host: string,
  wanted: number | 'auto',
  engine: string,
): Promise<ReservedPort> {
  if (wanted !== 'auto') {
    const refusal = reserved.has(wanted)
      ? 'another engine of this gateway has it'
      : await tryBind(host, wanted);
    if (refusal === null) return reserve(wanted);
    const hint = `\`lsof -i :${wanted}\` names the holder; stop it, or use \`port: auto\``;
    throw new GreenroomError(
      'engine_port_taken',
      `engine ${engine}: port ${host}:${wanted}: ${refusal}; ${hint}`,
      {
        details: { engine, host, port: wanted },
      },
    );
  }
  const last = (await ephemeralFirst()) - 1;
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    const port = randomInt(firstPort, last);
    if (!reserved.has(port) && (await tryBind(host, port)) === null) return reserve(port);
  }
  throw new GreenroomError(
    'engine_port_taken',
    `engine ${engine}: no free port on ${host} between ${firstPort} and ${last} in ${attemptsMax} attempts`,
  );
}

function reserve(port: number): ReservedPort {
  reserved.add(port);
  return { port, release: () => reserved.delete(port) };
}

/** Null when the address can be bound, the reason otherwise. */
function tryBind(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => resolve(error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(null)));
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
