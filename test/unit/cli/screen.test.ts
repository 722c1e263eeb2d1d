import { describe, expect, test } from 'vitest';
import { JsonScreen } from '../../../src/cli/json-screen.ts';
import { LiveScreen } from '../../../src/cli/live-screen.ts';
import { PlainScreen } from '../../../src/cli/plain-screen.ts';
import { engineLine } from '../../../src/cli/screen.ts';
import { widthOf } from '../../../src/cli/text-width.ts';
import type { EngineStatus } from '../../../src/engines/status.ts';
import { systemClock } from '../../../src/lifecycle/clock.ts';

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
    model: null,
    lanes: null,
    activeCalls: 0,
    start: 'eager',
    waitingCalls: 0,
    address: null,
    ending: null,
    evidence: {},
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

test('calls that are under way are counted, so that one that hangs is seen', () => {
  const ready = { state: 'ready', rung: 'ready' } as const;
  expect(line({ ...ready, activeCalls: 1 })).toBe('llm  ready  2.0 s  1 call under way');
  expect(line({ ...ready, activeCalls: 2 })).toBe('llm  ready  2.0 s  2 calls under way');
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

/** A terminal of so many columns, and all that was ever written to it. */
function terminal(columns: number) {
  const written: string[] = [];
  const stream = { columns, isTTY: true, write: (text: string) => written.push(text) };
  return { stream: stream as unknown as NodeJS.WriteStream, text: () => written.join('') };
}

describe('what an engine says never reaches the terminal as a command', () => {
  const said = 'one\u001b[2J\u001b]0;mine\u0007\u009b5n\r\nline: ready';
  const hostile = status({
    state: 'backoff',
    failure: { code: 'x', message: said, cause: null, logTail: [said] },
  });
  // What we write ourselves: colours, and moves about the lines that are drawn anew.
  const ours = /\u001b\[[\d;]*[mABCDGKJ]/g;
  const shown = 'one\\u001b[2J\\u001b]0;mine\\u0007\\u009b5n';

  test('at a terminal', () => {
    const { stream, text } = terminal(300);
    const screen = new LiveScreen(stream, systemClock);
    screen.engine(hostile);
    screen.settled();
    screen.failed(hostile);
    screen.line(said);
    screen.last(said);
    expect(text().split(shown)).toHaveLength(7);
    expect(text().replaceAll(ours, '')).not.toMatch(/(?!\n)\p{Cc}/u);
    // The engine's own line is one: it would be redrawn wrongly.
    expect(text().split('\n')[0]).toContain(`${shown} line: ready  | one`);
  });

  test('in a log, and for programs, who lose nothing', () => {
    const lines: string[] = [];
    const log = new PlainScreen({ write: (line) => lines.push(line) });
    log.engine(hostile);
    log.failed(hostile);
    new JsonScreen((line) => lines.push(line)).failed(hostile);
    expect(lines.join('').replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ message: said, logTail: [said] });
  });
});

test.each([0, 12, 40])(
  'the line of an engine fits a terminal of %i columns, in columns and not in letters',
  (columns) => {
    const { stream, text } = terminal(columns);
    const screen = new LiveScreen(stream, systemClock);
    screen.engine(status({ text: '한국어 '.repeat(40) }));
    screen.settled();
    const [drawn = ''] = text().split('\n');
    expect(drawn).toContain(' llm');
    expect(widthOf(drawn)).toBeLessThan(columns || 80);
  },
);
