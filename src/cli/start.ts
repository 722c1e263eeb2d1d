// The first thing that runs. `up` opens its door with the few keys that needs, before the command line is parsed and
// anything heavy is imported; every other command has no hurry.
import { earlyListen } from '../config/early.ts';
import { openEarly } from './early-door.ts';
import { earlyOptions } from './early-options.ts';

export async function start(argv: readonly string[]): Promise<void> {
  const options = earlyOptions(argv);
  const early = options ? openEarly(earlyListen({ ...options, cwd: process.cwd() })) : undefined;
  // Not before the socket listens: compiling our modules would hold the loop, and the door with it.
  const opened = await early;
  const { runProgram } = await import('./program.ts');
  await runProgram(argv, opened);
}
