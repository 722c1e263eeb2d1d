// How a command ends: its exit code, or one line about what went wrong.
import { toGreenroomError } from '../lifecycle/errors.ts';

/** Runs a command of the process and sets the exit code. A shutdown may have set one already; the higher one stands. */
export async function finish(command: () => Promise<number>): Promise<void> {
  let exitCode: number;
  try {
    exitCode = await command();
  } catch (thrown) {
    exitCode = tell(thrown);
  }
  process.exitCode = Math.max(exitCode, Number(process.exitCode ?? 0));
}

function tell(thrown: unknown): number {
  const error = toGreenroomError(thrown);
  console.error(`greenroom: ${error.message} [${error.code}]`);
  if (error.code === 'internal_error' && error.cause instanceof Error) console.error(error.cause.stack);
  return error.exitCode;
}
