import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ChunkQueue } from '../../../../src/engines/worker/chunk-queue.ts';

async function taken<T>(queue: AsyncIterable<T>): Promise<{ chunks: T[]; error: unknown }> {
  const chunks: T[] = [];
  try {
    for await (const chunk of queue) chunks.push(chunk);
    return { chunks, error: undefined };
  } catch (error) {
    return { chunks, error };
  }
}

describe('a chunk queue', () => {
  test('gives what was pushed, in order, to a consumer who came before or after', async () => {
    const queue = new ChunkQueue<number>();
    queue.push(1);
    const early = taken(queue);
    queue.push(2);
    await undefined;
    queue.push(3);
    queue.end();
    queue.push(4);
    expect(await early).toEqual({ chunks: [1, 2, 3], error: undefined });
  });

  test('gives what was pushed before it failed', async () => {
    const queue = new ChunkQueue<number>();
    queue.push(1);
    const error = new Error('gone');
    queue.fail(error);
    queue.end();
    expect(await taken(queue)).toEqual({ chunks: [1], error });
  });

  test('gives nothing more once it is dropped, also to one who waits', async () => {
    const queue = new ChunkQueue<number>();
    queue.push(1);
    queue.drop();
    expect(await taken(queue)).toEqual({ chunks: [], error: undefined });
    const other = new ChunkQueue<number>();
    const waiting = taken(other);
    await undefined;
    other.drop();
    other.fail(new Error('late'));
    expect(await waiting).toEqual({ chunks: [], error: undefined });
  });

  test('gives also what is false', async () => {
    const queue = new ChunkQueue<number>();
    for (const chunk of [0, 1, 0]) queue.push(chunk);
    queue.end();
    expect((await taken(queue)).chunks).toEqual([0, 1, 0]);
  });

  test('loses nothing and never hangs, however pushes, takes and the end interleave', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.integer({ min: 0, max: 12 }),
        fc.constantFrom('end' as const, 'fail' as const),
        async (scheduler, count, end) => {
          const queue = new ChunkQueue<number>();
          const pushing = (async () => {
            for (let chunk = 0; chunk < count; chunk += 1) {
              await scheduler.schedule(Promise.resolve(), `push ${chunk}`);
              queue.push(chunk);
            }
            await scheduler.schedule(Promise.resolve(), end);
            if (end === 'end') queue.end();
            else queue.fail(new Error('failed'));
          })();
          const taking = (async () => {
            const chunks: number[] = [];
            try {
              for await (const chunk of queue) {
                chunks.push(chunk);
                await scheduler.schedule(Promise.resolve(), `taken ${chunk}`);
              }
            } catch (error) {
              expect((error as Error).message).toBe('failed');
              expect(end).toBe('fail');
            }
            return chunks;
          })();
          await scheduler.waitFor(Promise.all([pushing, taking]));
          expect(await taking).toEqual(Array.from({ length: count }, (_, chunk) => chunk));
        },
      ),
      { numRuns: 200 },
    );
  });
});
