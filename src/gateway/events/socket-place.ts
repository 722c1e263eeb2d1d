// Where the socket of the events is: in the data directory, or where its path would be too long for a socket, in a
// folder of ours among the temporary ones. Only the holder of the data directory's lock asks for it, so whatever socket
// is found there is a dead gateway's.
import { createHash } from 'node:crypto';
import { lstat, mkdir, mkdtemp, rm, rmdir, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { GreenroomError } from '../../lifecycle/errors.ts';

export interface SocketPlace {
  /** Nothing is there. */
  readonly path: string;
  /** Whether there can be a socket again, after somebody took it away, perhaps with its folder. Never throws. */
  ready(): Promise<boolean>;
  /** Takes away what was made. Never throws. */
  release(): Promise<void>;
}

/** Of a path, without the byte that ends it. */
const socketPathBytesMax = process.platform === 'linux' ? 107 : 103;
const eventsSocketName = 'events.sock';

/** In the data directory; undefined when the path is too long. Throws `listen_failed`. */
export async function placeInData(directory: string): Promise<SocketPlace | undefined> {
  const path = join(directory, eventsSocketName);
  if (Buffer.byteLength(path) > socketPathBytesMax) return undefined;
  await removeStale(path);
  return { path, ready: async () => true, release: () => remove(path) };
}

/** The same one for the same data directory, as long as nobody else has made it. Throws `listen_failed`. */
export async function placeAmongTemporary(
  directory: string,
  temporary: string = process.env['XDG_RUNTIME_DIR'] || tmpdir(),
): Promise<SocketPlace> {
  const name = `greenroom-${createHash('sha256').update(directory).digest('hex').slice(0, 16)}`;
  const long = Buffer.byteLength(join(temporary, `${name}-XXXXXX`, eventsSocketName)) > socketPathBytesMax;
  const folder = await privateFolder(join(long ? '/tmp' : temporary, name));
  const path = join(folder, eventsSocketName);
  await removeStale(path);
  const release = async () => {
    await remove(path);
    await rmdir(folder).catch(() => undefined);
  };
  const ready = () =>
    madeOrOurs(folder).then(
      () => true,
      () => false,
    );
  return { path, ready, release };
}

/** Everybody may make a folder of this name there: one that is not ours alone is not used. */
async function privateFolder(path: string): Promise<string> {
  try {
    return await madeOrOurs(path);
  } catch (error) {
    return mkdtemp(`${path}-`).catch(() => {
      const message = `there can be no folder for the socket of the events in ${dirname(path)}`;
      throw new GreenroomError('listen_failed', message, { cause: error });
    });
  }
}

async function madeOrOurs(path: string): Promise<string> {
  try {
    await mkdir(path, { mode: 0o700 });
    return path;
  } catch (error) {
    const found = await lstat(path).catch(() => undefined);
    if (found?.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o077) === 0) return path;
    throw error;
  }
}

async function removeStale(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (!found) return;
  if (!found.isSocket())
    throw new GreenroomError('listen_failed', `${path} is there, and no socket; take it away`, {
      details: { path },
    });
  await unlink(path);
}

/** Node has removed it already, mostly. */
const remove = (path: string): Promise<void> => rm(path, { force: true }).catch(() => undefined);
