// The UNIX socket of an engine: a path that nobody else listens on, in a folder of its own where none is named. What a
// dead engine left is taken away; what lives is not touched. Whoever takes a path gives it back.
import { lstat, mkdtemp, rm, stat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Clock } from '../../lifecycle/clock.ts';
import { GreenroomError, messageOf } from '../../lifecycle/errors.ts';

export interface TakenSocket {
  readonly path: string;
  release(): Promise<void>;
}

/** Of a path, with the byte that ends it. */
const pathBytesMax = process.platform === 'linux' ? 108 : 104;
const fileName = 'engine.sock';
/** Who listens takes a connection at once; a full queue is somebody as well. */
const connectMs = 1000;

/** Throws `engine_port_taken`: somebody listens there, or it cannot be had. */
export async function takeSocket(
  wanted: 'auto' | string,
  engine: string,
  clock: Clock,
): Promise<TakenSocket> {
  if (wanted === 'auto') return inFolderOfItsOwn(engine);
  const refused = (why: string, cause?: unknown) =>
    new GreenroomError('engine_port_taken', `engine ${engine}: socket ${wanted}: ${why}`, {
      details: { engine, socket: wanted },
      cause,
    });
  if (Buffer.byteLength(wanted) >= pathBytesMax)
    throw refused(`its path has ${Buffer.byteLength(wanted)} bytes, and ${pathBytesMax - 1} at most fit`);
  const folder = await stat(dirname(wanted)).catch(() => undefined);
  if (!folder?.isDirectory()) throw refused(`there is no folder ${dirname(wanted)}; make it`);
  const found = await lstat(wanted).catch(() => undefined);
  if (found && !found.isSocket()) throw refused('it is there, and no socket; take it away, or name another');
  if (found) {
    if (await listens(wanted, clock)) throw refused('something listens on it; end it, or use `socket: auto`');
    // Its engine is gone: nobody can ever listen on it again.
    await unlink(wanted).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT')
        throw refused(`what is left of it cannot be taken away: ${messageOf(error)}`, error);
    });
  }
  return { path: wanted, release: () => rm(wanted, { force: true }) };
}

/** Only its owner may look into the folder (mkdtemp makes it 0700). */
async function inFolderOfItsOwn(engine: string): Promise<TakenSocket> {
  const long = Buffer.byteLength(join(tmpdir(), 'greenroom-XXXXXX', fileName)) >= pathBytesMax;
  const base = long ? '/tmp' : tmpdir();
  try {
    const folder = await mkdtemp(join(base, 'greenroom-'));
    return { path: join(folder, fileName), release: () => rm(folder, { recursive: true, force: true }) };
  } catch (error) {
    const message = `engine ${engine}: there can be no folder for its socket in ${base}: ${messageOf(error)}`;
    throw new GreenroomError('engine_port_taken', message, { details: { engine }, cause: error });
  }
}

function listens(path: string, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const over = (answer: boolean) => {
      timer.cancel();
      socket.destroy();
      resolve(answer);
    };
    const timer = clock.after(connectMs, () => over(true));
    socket.once('connect', () => over(true));
    socket.once('error', (error: NodeJS.ErrnoException) =>
      over(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'),
    );
  });
}
