// The first thing that runs. `up` opens its door with the few keys that needs, before the command line is parsed and
// anything heavy is imported; every other command has no hurry.
import { earlyListen } from '../config/early.ts';
import { openEarly } from './early-door.ts';
import { earlyOptions } from './early-options.ts';
import { finish } from './finish.ts';

export async function start(argv: readonly string[]): Promise<void> {
  const early = earlyOptions(argv);
  if (!early || !hasFolder()) return finish(argv, () => parsed(argv));
  const { config: file, listen, set } = early.options;
  const keys = {
    ...(file !== undefined && { file }),
    ...(listen !== undefined && { listen }),
    set: set ?? [],
  };
  // Awaited: compiling our modules would hold the loop, and the door with it.
  const opened = await openEarly(earlyListen({ ...keys, cwd: process.cwd() }));
  await finish(argv, async () => {
    try {
      if (early.state === 'part') return await parsed(argv, opened);
      const { up } = await import('./up.ts');
      return await up(early.options, opened);
    } finally {
      // Nobody took it, or whoever did has closed it.
      await opened.door.close();
    }
  });
}

/** Where there is none, whoever needs it says so. */
function hasFolder(): boolean {
  try {
    return process.cwd() !== '';
  } catch {
    return false;
  }
}

async function parsed(...args: Parameters<typeof import('./program.ts').runProgram>): Promise<number> {
  const { runProgram } = await import('./program.ts');
  return runProgram(...args);
}
