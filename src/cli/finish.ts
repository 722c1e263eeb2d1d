// How a command ends: its exit code, or one line about what went wrong.
import { toGreenroomError } from '../lifecycle/errors.ts';
import { failedEvent } from './json-events.ts';
import { printable } from './printable.ts';

/** Also where the command line was not understood: then it is a guess. */
export const wantsJson = (argv: readonly string[]): boolean => argv.includes('--json');

/** Runs a command of the process and sets the exit code. A shutdown may have set one already; the higher one stands. */
export async function finish(argv: readonly string[], command: () => Promise<number>): Promise<void> {
  let exitCode: number;
  try {
    exitCode = await command();
  } catch (thrown) {
    exitCode = tell(thrown, wantsJson(argv));
  }
  process.exitCode = Math.max(exitCode, Number(process.exitCode ?? 0));
}

function tell(thrown: unknown, json: boolean): number {
  const error = toGreenroomError(thrown);
  if (json) console.log(printable(JSON.stringify(failedEvent(error.code, error.message))));
  console.error(printable(`greenroom: ${error.message} [${error.code}]`));
  if (error.code === 'internal_error' && error.cause instanceof Error)
    console.error(printable(error.cause.stack ?? error.cause.message));
  return error.exitCode;
}
