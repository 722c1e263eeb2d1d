import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LoadProgress } from '../../../src/llama-server/load-progress.ts';

function told(act: (progress: LoadProgress) => void): string[] {
  const lines: string[] = [];
  act(new LoadProgress((line) => lines.push(line)));
  return lines;
}

test('each percent is a line, told once', () => {
  const lines = told((progress) => {
    progress.tell(0.03, 'starting');
    const part = progress.part(0.1, 0.5, 'loading');
    for (const fraction of [0, 0.1, 0.101, 0.5, 1, 1]) part(fraction);
    progress.tell(1, 'ready');
  });
  expect(lines).toEqual([
    'greenroom-progress 0.03 starting',
    'greenroom-progress 0.10 loading',
    'greenroom-progress 0.14 loading',
    'greenroom-progress 0.30 loading',
    'greenroom-progress 0.50 loading',
    'greenroom-progress 1.00 ready',
  ]);
});

test('whatever is told, the lines never fall, and the last one is the state', () => {
  const fraction = fc.double({ min: -1, max: 2 });
  fc.assert(
    fc.property(fc.array(fc.tuple(fraction, fc.constantFrom('a', 'b'))), (steps) => {
      const lines: string[] = [];
      const progress = new LoadProgress((line) => lines.push(line));
      for (const [to, text] of steps) progress.tell(to, text);
      const shown = lines.map((line) => /^greenroom-progress (\d\.\d\d) [ab]$/.exec(line)?.[1]);
      expect(shown).toEqual([...shown].sort());
      expect(shown).not.toContain(undefined);
      if (lines.length > 0)
        expect(lines.at(-1)).toBe(
          `greenroom-progress ${progress.state.fraction.toFixed(2)} ${progress.state.text}`,
        );
    }),
  );
});

test.each([
  [0.28, '0.28'],
  [0.29, '0.29'],
  [0.57, '0.57'],
  [0.58, '0.58'],
  [0.999, '0.99'],
])('%d is told as %s', (fraction, shown) => {
  expect(told((progress) => progress.tell(fraction, 'x'))).toEqual([`greenroom-progress ${shown} x`]);
});
