// The folder that a command was started in: it may have been removed since, and then Node says so in words of its own.
import { GreenroomError } from '../lifecycle/errors.ts';

/** Throws `bad_usage` when it is gone. */
export function currentFolder(): string {
  try {
    return process.cwd();
  } catch (cause) {
    const message = 'the current folder is gone; change to one that is there, and start again';
    throw new GreenroomError('bad_usage', message, { cause });
  }
}
