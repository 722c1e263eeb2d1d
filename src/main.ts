#!/usr/bin/env node
// The bin. Must parse on Node 18, to be able to say what it needs; everything else is imported after that.
import module from 'node:module';

const nodeMajorMin = 24;
const nodeMajor = Number.parseInt(process.versions.node, 10);

if (nodeMajor < nodeMajorMin) {
  console.error(
    `greenroom needs Node ${nodeMajorMin} or newer; this is Node ${process.versions.node} (${process.execPath}). In a clone, \`npm start\` and \`npx greenroom\` bring their own.`,
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
