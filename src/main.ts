// What the command runs. Must parse on Node 18, to be able to say what it needs; everything else is imported after
// that.
import { existsSync } from 'node:fs';
import module from 'node:module';
import { fileURLToPath } from 'node:url';

const nodeMajorMin = 24;
const nodeMajor = Number.parseInt(process.versions.node, 10);

if (nodeMajor < nodeMajorMin) {
  const own = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url));
  const next = existsSync(own)
    ? `there is one with greenroom: ${own}`
    : 'install one, or use `npm start` in a clone, which brings its own';
  console.error(
    `greenroom needs Node ${nodeMajorMin} or newer, and this is Node ${process.versions.node} (${process.execPath}); ${next}`,
  );
  process.exitCode = 2;
} else {
  // Later starts skip compiling: measured, it halves what our own modules cost.
  module.enableCompileCache?.();
  import('./cli/start.ts').then(
    ({ start }) => start(process.argv.slice(2)),
    (error: unknown) => {
      console.error(error);
      process.exitCode = 1;
    },
  );
}
