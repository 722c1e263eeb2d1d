// When what was written has left.
import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { writeOut } from '../../../src/wire/write-out.ts';

test('what the system takes at once has left before it returns', () => {
  const gone: string[] = [];
  const below = new Writable({ write: (_, __, done) => done() });
  writeOut(below, Buffer.from('abc'), () => gone.push('abc'));
  expect(gone).toEqual(['abc']);
});

test('what has to wait has left when the system has taken it, each in its turn', async () => {
  const gone: string[] = [];
  const taking: (() => void)[] = [];
  const below = new Writable({ write: (_, __, done) => void taking.push(done) });
  for (const text of ['a', 'b']) writeOut(below, Buffer.from(text), () => gone.push(text));
  expect(gone).toEqual([]);
  const steps: string[][] = [];
  while (taking.length > 0) {
    taking.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
    steps.push([...gone]);
  }
  expect(steps).toEqual([[], ['a'], ['a'], ['a', 'b']]);
});

test('a connection that ends takes nothing more, and keeps nobody waiting', async () => {
  let taking: (error: Error) => void = () => undefined;
  const below = new Writable({
    write: (_, __, done) => {
      taking = done;
    },
    // As a socket of the system's does.
    destroy: (_, done) => {
      taking(new Error('cancelled'));
      done(null);
    },
  });
  below.on('error', () => undefined);
  const left = Promise.withResolvers<void>();
  writeOut(below, Buffer.from('abc'), left.resolve);
  below.destroy();
  await left.promise;
  const later = Promise.withResolvers<void>();
  writeOut(below, Buffer.from('abc'), later.resolve);
  await later.promise;
});
