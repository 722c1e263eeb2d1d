// Who has a file open or mapped. A descriptor is known by where it points to, a mapping by device and inode.
import { realpath, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { messageOf } from '../../lifecycle/errors.ts';
import { eachDescriptor } from './descriptors.ts';
import { deviceText } from './device.ts';
import { holderOf, type VisibleHolder } from './holder.ts';
import { eachChunk, inBatches, listPids, Slices } from './proc.ts';

interface FileHolder {
  readonly holder: VisibleHolder;
  readonly how: 'open' | 'mapped' | 'open and mapped';
}

export type FileHolders =
  | {
      readonly state: 'known';
      readonly holders: readonly FileHolder[];
      /** Processes of other users that could not be looked into. */
      readonly hidden: number;
    }
  | { readonly state: 'unknown'; readonly why: string };

/** Never throws. A file that is not there is held by nobody. */
export async function fileHolders(path: string): Promise<FileHolders> {
  if (process.platform === 'darwin') return (await import('./mac.ts')).macFileHolders(path);
  if (process.platform !== 'linux')
    return { state: 'unknown', why: `on ${process.platform} it cannot be told who holds a file` };
  try {
    const file = await fileFacts(path);
    if (!file) return { state: 'known', holders: [], hidden: 0 };
    const slices = new Slices();
    const looks = await inBatches(await listPids(), (pid) => lookInto(pid, file, slices));
    const holders = await Promise.all(
      looks.map(async ({ pid, how }) => {
        const holder = how && (await holderOf(pid));
        return holder ? [{ holder, how }] : [];
      }),
    );
    return {
      state: 'known',
      holders: holders.flat(),
      hidden: looks.filter(({ look }) => look === 'denied').length,
    };
  } catch (error) {
    return { state: 'unknown', why: messageOf(error) };
  }
}

interface FileFacts {
  readonly path: string;
  readonly dev: number;
  readonly ino: number;
  /** It has other names. */
  readonly linked: boolean;
}

async function fileFacts(path: string): Promise<FileFacts | undefined> {
  try {
    const [real, { dev, ino, nlink }] = await Promise.all([realpath(path), stat(path)]);
    return { path: real, dev, ino, linked: nlink > 1 };
  } catch (thrown) {
    if (['ENOENT', 'ENOTDIR'].includes((thrown as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw thrown;
  }
}

async function lookInto(pid: number, file: FileFacts, slices: Slices) {
  const alike: string[] = [];
  const look = await eachDescriptor(pid, slices, (fd, target) => {
    if (mayBe(target, file)) alike.push(fd);
    return 'on';
  });
  // Nobody else's descriptors are followed: of a file system that hangs, to ask is to wait.
  const same = await Promise.all(alike.map((fd) => isSame(`/proc/${pid}/fd/${fd}`, file)));
  const open = same.includes(true);
  const mapped = look === 'looked' && (await isMapped(pid, file));
  const how = mapped ? (open ? 'open and mapped' : 'mapped') : open ? 'open' : undefined;
  return { pid, look, how } as const;
}

/** In a container the same file may have another folder, and where it is linked another name. */
function mayBe(target: string, { path, linked }: FileFacts): boolean {
  if (!target.startsWith('/')) return false;
  return linked ? !/^\/(?:dev|proc|sys|memfd:)/.test(target) : basename(target) === basename(path);
}

async function isSame(link: string, { dev, ino }: FileFacts): Promise<boolean> {
  const found = await stat(link).catch(() => undefined);
  return found?.dev === dev && found.ino === ino;
}

async function isMapped(pid: number, file: FileFacts): Promise<boolean> {
  const wanted = ` ${file.ino} `;
  let rest = '';
  let mapped = false;
  await eachChunk(`/proc/${pid}/maps`, mapsBytes, (chunk) => {
    const text = rest + chunk.toString('latin1');
    for (let at = text.indexOf(wanted); at !== -1 && !mapped; at = text.indexOf(wanted, at + 1)) {
      const end = text.indexOf('\n', at);
      if (end !== -1) mapped = isMapOf(text.slice(text.lastIndexOf('\n', at) + 1, end), file);
    }
    rest = text.slice(text.lastIndexOf('\n') + 1);
    return mapped ? 'enough' : 'on';
  });
  return mapped;
}

/** A line of /proc/PID/maps: `7f5c8a000000-7f5c8b000000 r--s 00000000 fe:00 2253887   /models/x.gguf`. */
export function isMapOf(line: string, { path, dev, ino }: Pick<FileFacts, 'path' | 'dev' | 'ino'>): boolean {
  const [, device, inode, name = ''] =
    /^[0-9a-f]+-[0-9a-f]+ \S{4} [0-9a-f]+ ([0-9a-f]+:[0-9a-f]+) (\d+)\s*(.*)$/.exec(line) ?? [];
  if (inode !== String(ino)) return false;
  // Some file systems (btrfs, overlayfs) give another device here than to `stat`.
  return device === deviceText(dev) || Buffer.from(name, 'latin1').toString() === path;
}

const mapsBytes = 64 * 1024;
