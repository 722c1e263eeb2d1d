// The command of a `run:` engine: its arguments with `${port}` and `${host}` filled in, its environment, and what to
// say when it cannot be started.
import { access, stat } from 'node:fs/promises';
import { resolve } from 'node:path';

export interface CommandOptions {
  readonly run: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** What it inherits. Default: all that we have. */
  readonly inherited?: NodeJS.ProcessEnv;
}

export function commandLine(
  options: CommandOptions,
  facts: { readonly port: number; readonly host: string },
): string[] {
  const values: Readonly<Record<string, string>> = { port: String(facts.port), host: facts.host };
  return options.run.map((argument) =>
    argument.replace(/\$\{(port|host)\}/g, (_, name: string) => values[name] ?? ''),
  );
}

export function engineEnvironment(
  options: CommandOptions,
  facts: { readonly port: number; readonly host: string; readonly marker: string },
): NodeJS.ProcessEnv {
  return {
    ...(options.inherited ?? process.env),
    PORT: String(facts.port),
    HOST: facts.host,
    ...options.env,
    GREENROOM_INSTANCE: facts.marker,
  };
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
