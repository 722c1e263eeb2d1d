// What a command may touch of its process: standard streams, environment, folder. Handed in, so that tests can read it.
import { systemClock } from '../lifecycle/clock.ts';
import { listenForSignals } from '../lifecycle/process-end.ts';
import { Scope } from '../lifecycle/scope.ts';
import { currentFolder } from './current-folder.ts';
import { printable } from './printable.ts';

export interface CommandIo {
  /** One line on standard output, made printable: results, and the events of `--json`. */
  readonly out: (line: string) => void;
  /** One line on standard error, made printable: what people read. */
  readonly err: (line: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Standard input; opened when it is asked for. */
  readonly input?: () => NodeJS.ReadStream;
  /** Standard output and error themselves, for who writes more than lines: at their pace, in colours. */
  readonly streams?: { readonly out: NodeJS.WriteStream; readonly err: NodeJS.WriteStream };
  /** Where a person looks on; undefined: nobody does. */
  readonly terminal?: NodeJS.WriteStream | undefined;
  /** Aborts when the person asks to stop (Ctrl+C, TERM). */
  readonly signal: AbortSignal;
}

/** Runs a command of the real process: the first signal aborts it, and it returns by itself. */
export async function interruptible(command: (io: CommandIo) => Promise<number>): Promise<number> {
  // Whoever reads us may be gone already: that is no reason to fall.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  const scope = new Scope('command', { clock: systemClock, kind: 'process' });
  const leave = listenForSignals(() => void scope.close('done'));
  const io: CommandIo = {
    out: (line) => console.log(printable(line)),
    err: (line) => console.error(printable(line)),
    env: process.env,
    cwd: currentFolder(),
    input: () => process.stdin,
    streams: { out: process.stdout, err: process.stderr },
    terminal: process.stderr.isTTY && process.stdin.isTTY ? process.stderr : undefined,
    signal: scope.signal,
  };
  try {
    return await command(io);
  } finally {
    leave();
    await scope.close('done');
  }
}
