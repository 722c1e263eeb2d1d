import { expect, test } from 'vitest';
import { JsonScreen } from '../../../src/cli/json-screen.ts';
import { PlainScreen } from '../../../src/cli/plain-screen.ts';
import { engineLine } from '../../../src/cli/screen.ts';
import type { EngineStatus } from '../../../src/engines/status.ts';

const status = (changes: Partial<EngineStatus>): EngineStatus => ({
  ...{
    name: 'llm',
    kind: 'run',
    state: 'starting',
    rung: 'alive',
    progress: null,
    text: null,
    elapsedMs: 2000,
  },
  ...{
    expectedMs: null,
    etaMs: null,
    rungMs: {},
    attempt: 1,
    pid: 1,
    port: null,
    offers: [],
    activeCalls: 0,
    start: 'eager',
    waitingCalls: 0,
    address: null,
    ending: null,
  },
  failure: null,
  ...changes,
});
const line = (changes: Partial<EngineStatus>) => engineLine(status(changes), 3).replace(/ {2,}/g, '  ');

test('a load with nothing to go by has its time alone', () => {
  expect(line({})).toBe('llm  starting (alive)  2.0 s');
});

test('what the engine says is its percent, what it took before only an estimate, and never all of it', () => {
  expect(line({ progress: 0.5, expectedMs: 8000, etaMs: 6000 })).toBe(
    'llm  starting (alive)  50 %  2.0 s  about 6.0 s left',
  );
  expect(line({ expectedMs: 8000, etaMs: 6000 })).toBe(
    'llm  starting (alive)  ~25 %  2.0 s  about 6.0 s left',
  );
  expect(line({ expectedMs: 1500, etaMs: 0 })).toBe('llm  starting (alive)  ~99 %  2.0 s  usually 1.5 s');
});

test('ready is ready: no estimate is left', () => {
  expect(line({ state: 'ready', rung: 'ready', progress: 1 })).toBe('llm  ready  2.0 s');
});

test('a plain screen says once more where it is when the estimate comes, and then no more', () => {
  const lines: string[] = [];
  const screen = new PlainScreen({ write: (text) => lines.push(text) });
  screen.engine(status({}));
  screen.engine(status({ expectedMs: 8000, etaMs: 6000 }));
  screen.engine(status({ expectedMs: 8000, etaMs: 5800 }));
  expect(lines).toHaveLength(2);
  expect(lines[1]).toContain('about 6.0 s left');
});

test('programs get what is left in ms', () => {
  const lines: string[] = [];
  const screen = new JsonScreen((text) => lines.push(text));
  screen.engine(status({}));
  screen.engine(status({ expectedMs: 8000, etaMs: 6000 }));
  screen.engine(status({ expectedMs: 8000, etaMs: 5800 }));
  expect(lines.map((text) => JSON.parse(text).etaMs)).toEqual([null, 6000]);
});
