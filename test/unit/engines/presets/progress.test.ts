import { describe, expect, test } from 'vitest';
import { ProgressReader, type ProgressSaid } from '../../../../src/engines/presets/progress.ts';
import { VirtualClock } from '../../../../src/testing/virtual-clock.ts';

function reading() {
  const clock = new VirtualClock();
  const said: ProgressSaid[] = [];
  const reader = new ProgressReader(clock, (one) => said.push(one));
  return {
    clock,
    said,
    reader,
    push: (text: string, source: 'stdout' | 'stderr' = 'stdout') => reader.push(source, Buffer.from(text)),
  };
}
const progress = (fraction: number, text: string | null = null) => ({ fraction, text });

describe('lines of progress', () => {
  test.each<[string, readonly ProgressSaid[]]>([
    ['greenroom-progress 0.42 reading the weights\n', [progress(0.42, 'reading the weights')]],
    ['greenroom-progress 0.5\r\n', [progress(0.5)]],
    ['greenroom-progress .5 grüße  \n', [progress(0.5, 'grüße')]],
    ['greenroom-progress 0.5 \u001b[31mred\u001b[0m\u0007bell\n', [progress(0.5, 'red bell')]],
    ['hello\ngreenroom-progress 1 done\nbye\n', [progress(1, 'done')]],
    ['greenroom-progress 0.1 a\ngreenroom-progress 0.2 b\n', [progress(0.2, 'b')]],
    ['greenroom-progress 0.1 a\ngreenroom-progress x b\n', [progress(0.1, 'a')]],
    ['greenroom-progress 42 %\n', []],
    ['greenroom-progress -1\n', []],
    ['my greenroom-progress 0.5\n', []],
    ['greenroom-progress 0.5 without an end', []],
    ['greenroom-progress\n', []],
  ])('%j', (text, expected) => {
    const { said, push } = reading();
    push(text);
    expect(said).toEqual(expected);
  });

  test('are read wherever the pipe cuts them, and of standard output alone', () => {
    const { said, push } = reading();
    for (const letter of 'greenroom-progress 0.25 half of a half\n') push(letter);
    push('greenroom-progress 0.9\n', 'stderr');
    expect(said).toEqual([progress(0.25, 'half of a half')]);
  });

  test('of a flood the latest is told, twenty times a second', async () => {
    const { clock, said, push } = reading();
    for (let count = 0; count <= 50; count += 1) push(`greenroom-progress ${count / 100}\n`);
    expect(said).toEqual([progress(0)]);
    await clock.advance(49);
    expect(said).toHaveLength(1);
    await clock.advance(1);
    expect(said).toEqual([progress(0), progress(0.5)]);
    await clock.advance(50);
    push('greenroom-progress 0.5\n');
    await clock.advance(50);
    expect([said.length, clock.pending]).toEqual([2, 0]);
  });

  test('are not told any more when it has ended', async () => {
    const { clock, said, push, reader } = reading();
    push('greenroom-progress 0.1\n');
    push('greenroom-progress 0.2\n');
    reader.end();
    push('greenroom-progress 0.3\n');
    await clock.advance(1000);
    expect([said.length, clock.pending]).toEqual([1, 0]);
  });

  test('a text is cut, and a line without end costs nothing', async () => {
    const { clock, said, push } = reading();
    push(`greenroom-progress 0.5 ${'x'.repeat(300)}\n`);
    expect(said[0]?.text).toHaveLength(200);
    for (let count = 0; count < 1000; count += 1) push('x'.repeat(65_536));
    push('\ngreenroom-progress 1\n');
    await clock.advance(50);
    expect(said.at(-1)).toEqual(progress(1));
  });
});

describe('dots of llama.cpp', () => {
  test('are a percent each', async () => {
    const { clock, said, push } = reading();
    push('llm_load_tensors: CPU buffer\n', 'stderr');
    for (let count = 0; count < 20; count += 1) {
      push('.....', 'stderr');
      await clock.advance(100);
    }
    push('\n', 'stderr');
    expect(said).toHaveLength(20);
    expect(said[0]).toEqual(progress(0.05));
    expect(said.at(-1)).toEqual(progress(1));
  });

  test.each(['...', 'loading.....', '.....!', '.'.repeat(101)])('are not %j', (text) => {
    const { said, push } = reading();
    push(text, 'stderr');
    expect(said).toEqual([]);
  });
});
