// When what was written has left.
import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { ServerFrame } from '../../../src/wire/text-frame.ts';
import { writeFrame, writeOut } from '../../../src/wire/write-out.ts';
import { frameOf } from '../../support/ws-frames.ts';

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

test('frames that were read together leave together, in their order, and one alone leaves at once', async () => {
  const writes: string[] = [];
  const gone: number[] = [];
  const below = new Writable({
    write: (bytes: Buffer, _, done) => {
      writes.push(
        String(bytes)
          .replaceAll(/[^a-z]/g, '')
          .slice(0, 1),
      );
      done();
    },
    writev: (chunks, done) => {
      writes.push(
        chunks
          .map(({ chunk }) =>
            String(chunk)
              .replaceAll(/[^a-z]/g, '')
              .slice(0, 1),
          )
          .join(''),
      );
      done();
    },
  });
  const frames = ['a', 'b', 'c', 'd'].map((text) =>
    frameOf(Buffer.alloc(200, text), { opcode: 1, mask: null }),
  );
  const chunk = Buffer.concat(frames.slice(0, 3));
  for (let start = 0; start < chunk.length; start += 204) {
    const frame = ServerFrame.read(chunk, start);
    if (frame) writeFrame(below, frame, () => gone.push(start));
  }
  expect(writes).toEqual([]);
  await new Promise((resolve) => setImmediate(resolve));
  expect(writes).toEqual(['abc']);
  expect(gone).toEqual([0, 204, 408]);
  const alone = ServerFrame.read(frames[3] ?? Buffer.alloc(0), 0);
  if (alone) writeFrame(below, alone, () => gone.push(-1));
  expect(writes).toEqual(['abc', 'd']);
  expect(gone.at(-1)).toBe(-1);
});
