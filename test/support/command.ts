// A command of the built bin that ends by itself: its exit code and what it said.
import { execFile } from 'node:child_process';
import { bin, type GatewayEvent } from './gateway-process.ts';

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Every line of standard output, which must be JSON. */
  events(): readonly GatewayEvent[];
}

export interface CommandOptions {
  readonly cwd: string;
  readonly uid?: number;
  readonly env?: Readonly<Record<string, string>>;
}

export function command(args: readonly string[], { cwd, uid, env }: CommandOptions): Promise<Ended> {
  return new Promise((resolve) => {
    const options = {
      cwd,
      timeout: 30_000,
      env: { ...process.env, ...env },
      ...(uid !== undefined && { uid }),
    };
    const child = execFile(process.execPath, [bin, ...args], options, (error, stdout, stderr) => {
      const lines = stdout.split('\n').filter(Boolean);
      const code = error ? Number(error.code ?? Number.NaN) : 0;
      resolve({ code, stdout, stderr, events: () => lines.map((line) => JSON.parse(line) as GatewayEvent) });
    });
    child.stdin?.end();
  });
}

/** Whether a program is on this machine, asked something harmless. */
export function canRun(program: string, ...args: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => {
    execFile(program, [...args], { timeout: 10_000 }, (error) => resolve(!error));
  });
}
