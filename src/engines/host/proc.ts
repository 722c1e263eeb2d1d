// Files below /proc, read by the thread pool: of some of them the kernel lets a reader wait for the process that they
// tell of. What takes many looks is done in slices, so that the loop is never held.
import { type FileHandle, open, readdir, readFile } from 'node:fs/promises';
import { systemClock, turn } from '../../lifecycle/clock.ts';

/** A file below /proc; undefined when its process is gone, or not ours to see. */
export async function readProc(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (thrown) {
    if (isHidden(thrown)) return undefined;
    throw thrown;
  }
}

/** The beginning of one that may be long; undefined as above. */
export async function readProcStart(path: string, bytesMax: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const look = await eachChunk(path, chunkBytes, (chunk) => {
    chunks.push(chunk);
    bytes += chunk.length;
    return bytes < bytesMax ? 'on' : 'enough';
  });
  return look === 'hidden' ? undefined : Buffer.concat(chunks).subarray(0, bytesMax);
}

/** Shows `visit` a file below /proc in pieces of so many bytes at most, until that says `enough`. */
export async function eachChunk(
  path: string,
  bytes: number,
  visit: (chunk: Buffer) => 'on' | 'enough',
): Promise<'read' | 'hidden'> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'r');
    for (;;) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(bytes), 0, bytes, null);
      if (bytesRead === 0 || visit(buffer.subarray(0, bytesRead)) === 'enough') return 'read';
    }
  } catch (thrown) {
    if (isHidden(thrown)) return 'hidden';
    throw thrown;
  } finally {
    await file?.close();
  }
}

/** Of every process there is, in ascending order; none where there is no /proc. */
export async function listPids(): Promise<readonly number[]> {
  const names = await readdir('/proc').catch(() => []);
  return names
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

/** Does the same for many, a few at a time. */
export async function inBatches<In, Out>(
  things: readonly In[],
  work: (thing: In) => Promise<Out>,
): Promise<Out[]> {
  const done: Out[] = [];
  for (let at = 0; at < things.length; at += batch)
    done.push(...(await Promise.all(things.slice(at, at + batch).map(work))));
  return done;
}

/** Many small steps that are taken on the loop: others get their turn after each slice. */
export class Slices {
  #beganMs = performance.now();

  get over(): boolean {
    return performance.now() - this.#beganMs >= sliceMs;
  }

  async rest(): Promise<void> {
    await turn(systemClock);
    this.#beganMs = performance.now();
  }
}

/** ESRCH: the process went between open and read. */
export const isHidden = (thrown: unknown): boolean =>
  ['ENOENT', 'ENOTDIR', 'ESRCH', 'EACCES', 'EPERM'].includes((thrown as NodeJS.ErrnoException).code ?? '');

const chunkBytes = 64 * 1024;
/** Files that are open at a time. */
const batch = 16;
const sliceMs = 1;
