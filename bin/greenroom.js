#!/usr/bin/env node
// The command. Stands beside what is built, not in it: whoever installs or links the package before the first build, or
// after the next, finds the same executable file.
import { existsSync } from 'node:fs';

const built = new URL('../dist/main.js', import.meta.url);

if (existsSync(built)) {
  await import(built.href);
} else {
  console.error(
    'greenroom is not built yet: `npm start` in its folder builds and starts it (if that is running, come again when it says that the door is open)',
  );
  process.exitCode = 69;
}
