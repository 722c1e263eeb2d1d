// The command of a `run:` engine: its arguments and environment with `${port}` and the like filled in, and what to say
// when it cannot be started.
import { access, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Secret } from '../../config/secrets.ts';
import { instanceId } from '../presets/identity.ts';

export interface CommandFacts {
  readonly host: string;
  /** Null where it listens on a socket. */
  readonly port: number | null;
  readonly socketPath: string | null;
  /** Absolute path of its model. */
  readonly model?: string | undefined;
  readonly marker: string;
}

export function commandLine(run: readonly string[], facts: CommandFacts): string[] {
  return run.map((argument) => filled(argument, facts));
}

/**
 * Where it listens is also in `PORT` and `HOST`, or in `SOCKET`.
 * @param own a secret is taken as it is
 */
export function engineEnvironment(
  own: Readonly<Record<string, string | Secret>>,
  facts: CommandFacts,
  inherited: NodeJS.ProcessEnv = process.env,
): NodeJS.ProcessEnv {
  const { host, port, socketPath, marker } = facts;
  const values = Object.entries(own).map(([name, value]) => [
    name,
    typeof value === 'string' ? filled(value, facts) : value.reveal(),
  ]);
  return {
    ...inherited,
    ...(socketPath === null ? { PORT: String(port), HOST: host } : { SOCKET: socketPath }),
    ...(Object.fromEntries(values) as Record<string, string>),
    GREENROOM_INSTANCE: marker,
  };
}

/** What is not known (a shell's own variable, the port of one that has a socket) stays as it is. */
function filled(text: string, facts: CommandFacts): string {
  const { host, port, socketPath, model, marker } = facts;
  const inUrl = host.includes(':') ? `[${host}]` : host;
  const values: Readonly<Record<string, string | undefined>> = {
    host,
    port: port === null ? undefined : String(port),
    address: port === null ? undefined : `${inUrl}:${port}`,
    socket: socketPath ?? undefined,
    model,
    instance: instanceId(marker),
  };
  return text.replace(/\$\{([a-z]+)\}/g, (written, name: string) =>
    Object.hasOwn(values, name) ? (values[name] ?? written) : written,
  );
}

/** Why a spawn failed, with what to do about it: the system's own words do not tell a folder from a program. */
export async function whySpawnFailed(
  error: NodeJS.ErrnoException,
  command: { readonly program: string; readonly cwd: string },
): Promise<string> {
  const { program, cwd } = command;
  const folder = await stat(cwd).catch(() => undefined);
  if (!folder?.isDirectory()) return `its \`cwd\` ${cwd} is not a folder`;
  if (!program.includes('/')) return error.code === 'ENOENT' ? 'not found in PATH' : error.message;
  const path = resolve(cwd, program);
  if (error.code === 'EACCES') return `${path} may not be executed; \`chmod +x\` it`;
  if (error.code !== 'ENOENT') return error.message;
  const there = await access(path).then(
    () => true,
    () => false,
  );
  return there
    ? `${path} is there, but not the interpreter that its first line names`
    : `${path} does not exist`;
}
