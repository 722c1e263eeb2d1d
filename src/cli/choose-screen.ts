// Who looks on decides what is shown: a program that reads JSON lines, a person at a terminal, a log file.
import { systemClock } from '../lifecycle/clock.ts';
import { JsonScreen } from './json-screen.ts';
import { LiveScreen } from './live-screen.ts';
import { PlainScreen } from './plain-screen.ts';
import type { Screen } from './screen.ts';

/** @param json where JSON lines go; undefined: they are not asked for */
export function chooseScreen(json: NodeJS.WriteStream | undefined): Screen {
  if (json) return new JsonScreen((line) => json.write(`${line}\n`));
  return process.stderr.isTTY ? new LiveScreen(process.stderr, systemClock) : new PlainScreen(process.stderr);
}
