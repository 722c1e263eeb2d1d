// The same by `lsof` and `ps`, for macOS, as well as they tell it. Each runs for a moment, with a limit.
import { execFile } from 'node:child_process';
import { isIPv4 } from 'node:net';
import { takesIpv4 } from './dual-stack.ts';
import type { FileHolders } from './file-holders.ts';
import { type Holder, type Mark, markerVariable, shownCommand, type VisibleHolder } from './holder.ts';
import type { Listener, Listening } from './listeners.ts';
import type { Family, Ownership } from './ownership.ts';
import { askedAddress, bars, type LocalAddress, placeText, plainAddress, rankOf } from './socket-tables.ts';
import { addressesOf } from './sockets.ts';
import { type LsofProcess, parseLsof, parseLsofPlace, parsePs, psColumns } from './tool-output.ts';

const limitMs = 3000;
const outputBytesMax = 4 * 1024 * 1024;

export async function macListeners(address: LocalAddress): Promise<Listening> {
  const sockets = await socketsAt(address);
  if (!sockets) return { state: 'unknown', why: '`lsof` is not there, or tells nothing' };
  const named = async ({ at, process }: MacSocket): Promise<Listener> => ({
    at,
    how: 'listens',
    holders: [await holderBy(process)],
  });
  return {
    state: 'known',
    answering: await Promise.all(sockets.filter(({ part }) => part === 'answering').map(named)),
    barring: await Promise.all(sockets.filter(({ part }) => part === 'barring').map(named)),
  };
}

export async function macOwnership(address: LocalAddress, family: Family): Promise<Ownership> {
  const sockets = await socketsAt(address);
  if (!sockets) return { state: 'unknown', why: '`lsof` is not there, or tells nothing' };
  const answering = sockets.filter(({ part }) => part === 'answering');
  if (answering.length === 0) return { state: 'nobody' };
  for (const { process } of answering) {
    const holder = await holderBy(process);
    if (!(await isRelative(process.pid, holder, family))) return { state: 'stranger', holder };
  }
  return { state: 'owned' };
}

export async function macFileHolders(path: string): Promise<FileHolders> {
  const output = await run('lsof', ['-nP', '-F', 'pcuLftn', '--', path]);
  if (output === undefined) return { state: 'unknown', why: '`lsof` is not there, or tells nothing' };
  const holders = await Promise.all(
    parseLsof(output).map(async (process) => {
      const mapped = process.files.some(({ fd }) => fd === 'txt' || fd === 'mem');
      const open = process.files.some(({ fd }) => /^\d+/.test(fd));
      const how = mapped ? (open ? 'open and mapped' : 'mapped') : 'open';
      return { holder: await holderBy(process), how } as const;
    }),
  );
  return { state: 'known', holders, hidden: 0 };
}

interface MacSocket {
  readonly at: string;
  readonly process: LsofProcess;
  readonly part: 'answering' | 'barring';
}

async function socketsAt(address: LocalAddress): Promise<readonly MacSocket[] | undefined> {
  if ('socketPath' in address) {
    const { socketPath } = address;
    const output = await run('lsof', ['-nP', '-F', 'pcuLftn', '--', socketPath]);
    return (output === undefined ? undefined : parseLsof(output))?.map((process) => ({
      at: `unix:${socketPath}`,
      process,
      part: 'answering',
    }));
  }
  const { port } = address;
  const output = await run('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-F', 'pcuLftn']);
  if (output === undefined) return undefined;
  const rows = parseLsof(output).flatMap((process) =>
    process.files.flatMap((file) => {
      const place = parseLsofPlace(file);
      const plain = place && plainAddress(place.host);
      return place && plain ? [{ family: place.family, address: plain, process }] : [];
    }),
  );
  const hosts = await addressesOf(address.host);
  const asked = askedAddress(hosts[0] ?? '');
  const best = await bestFit(rows, asked, port);
  return rows
    .filter((row) => (best > 0 && rankOf(row, asked) === best) || hosts.some((host) => bars(row, host)))
    .map((row) => ({
      at: placeText(row.address, port),
      process: row.process,
      part: best > 0 && rankOf(row, asked) === best ? 'answering' : 'barring',
    }));
}

async function bestFit(
  rows: readonly { readonly family: 4 | 6; readonly address: string; readonly process: LsofProcess }[],
  asked: string,
  port: number,
): Promise<number> {
  const best = Math.max(0, ...rows.map((row) => rankOf(row, asked)));
  if (best !== 1 || !isIPv4(asked)) return best;
  const pids = rows.map(({ process }) => process.pid).join();
  return (await takesIpv4(`${pids} ${port}`, { host: asked, port })) ? best : 0;
}

async function holderBy(found: LsofProcess): Promise<VisibleHolder> {
  const line = await run('ps', ['-ww', '-o', psColumns, '-p', String(found.pid)]);
  const facts = parsePs(line ?? '');
  return {
    ...{ state: 'visible', pid: found.pid, startTime: null, pgid: facts?.pgid ?? null },
    command: shownCommand([facts?.command ?? found.command]),
    ...{ uid: found.uid, user: found.user ?? facts?.user ?? null, ageMs: facts?.ageMs ?? null },
    startedAt: facts ? new Date(Date.now() - facts.ageMs).toISOString() : null,
    mark: await markOf(found.pid),
  };
}

/** `ps -E` writes the environment after the arguments, of our own processes alone. */
async function markOf(pid: number): Promise<Mark> {
  const text = await run('ps', ['-E', '-ww', '-o', 'command=', '-p', String(pid)]);
  const marker = new RegExp(` ${markerVariable}=(\\S+)`).exec(text ?? '')?.[1];
  return marker === undefined ? { state: 'unreadable' } : { state: 'marked', marker };
}

async function isRelative(pid: number, holder: Holder, { pgid, marker }: Family): Promise<boolean> {
  if (holder.state === 'hidden') return false;
  if (holder.mark.state === 'marked' && holder.mark.marker === marker) return true;
  if (pgid === null) return false;
  if (holder.pgid === pgid) return true;
  let parent: number | undefined = pid;
  for (let steps = 0; parent !== undefined && parent > 1 && steps < 20; steps += 1) {
    if (parent === pgid) return true;
    const line: string | undefined = await run('ps', ['-o', psColumns, '-p', String(parent)]);
    parent = parsePs(line ?? '')?.parent;
  }
  return false;
}

/** What it wrote, also when it found nothing; undefined when it cannot be run, or does not end in time. */
function run(program: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    const options = { timeout: limitMs, maxBuffer: outputBytesMax, killSignal: 'SIGKILL' } as const;
    execFile(program, [...args], options, (error, stdout) => {
      // Exit code 1: nothing of what was asked for is there.
      resolve(error && error.code !== 1 ? undefined : stdout);
    });
  });
}
