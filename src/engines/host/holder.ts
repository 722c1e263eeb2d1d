// Who holds something, as it is told to people: a process with its command, user and age, or what is known of one that
// cannot be seen.

import { directoryServedBy } from './gateway-of.ts';
import { statOf } from './identity.ts';
import { readProc, readProcStart } from './proc.ts';
import { userName } from './users.ts';

export type Holder = VisibleHolder | HiddenHolder;

export interface VisibleHolder {
  readonly state: 'visible';
  readonly pid: number;
  /** Ticks since boot; null where the system does not tell. */
  readonly startTime: number | null;
  readonly pgid: number | null;
  /** Cut, and without what a terminal would obey. */
  readonly command: string;
  readonly uid: number | null;
  /** By its number where it has no name. */
  readonly user: string | null;
  readonly ageMs: number | null;
  /** ISO 8601. */
  readonly startedAt: string | null;
  /** `marked`: it carries GREENROOM_INSTANCE. `unreadable`: its environment is not ours to read. */
  readonly mark: Mark;
  /** A gateway: the data directory that it serves. */
  readonly serves?: string | undefined;
}

export type Mark =
  | { readonly state: 'none' }
  | { readonly state: 'unreadable' }
  | { readonly state: 'marked'; readonly marker: string };

export interface HiddenHolder {
  readonly state: 'hidden';
  readonly uid: number | null;
  readonly user: string | null;
  /** `other_namespace`: no process that can be seen from here has it. */
  readonly why: 'other_user' | 'other_namespace';
}

export const markerVariable = 'GREENROOM_INSTANCE';

/** Of the process that has this pid now; undefined when it is gone. Linux. */
export async function holderOf(pid: number): Promise<VisibleHolder | undefined> {
  const [stat, status, commandLine, uptime, mark, serves] = await Promise.all([
    statOf(pid),
    readProc(`/proc/${pid}/status`),
    readProcStart(`/proc/${pid}/cmdline`, commandBytesMax),
    readProc('/proc/uptime'),
    readMark(pid),
    directoryServedBy(pid),
  ]);
  if (!stat) return undefined;
  const uid = numberIn(status, /^Uid:\s+\d+\s+(\d+)/m);
  // A kernel's thread has no command line.
  const name = /^Name:\s+(.*)$/m.exec(status ?? '')?.[1] ?? '?';
  const ageMs = ageOf(stat.startTime, uptime);
  return {
    ...{ state: 'visible', pid, startTime: stat.startTime, pgid: stat.pgid },
    command: commandLine?.length ? shownCommand(wordsOf(commandLine)) : `[${shownCommand([name])}]`,
    ...{ uid, user: uid === null ? null : await userName(uid), ageMs },
    startedAt: ageMs === null ? null : new Date(Date.now() - ageMs).toISOString(),
    mark,
    ...(serves !== undefined && { serves }),
  };
}

/** What a process carries in its environment. */
export async function readMark(pid: number): Promise<Mark> {
  const environment = await readProcStart(`/proc/${pid}/environ`, environmentBytesMax);
  if (!environment) return { state: 'unreadable' };
  const marker = markerIn(environment);
  return marker === undefined ? { state: 'none' } : { state: 'marked', marker };
}

/** In the content of /proc/PID/environ. */
export function markerIn(environment: Buffer): string | undefined {
  const name = `${markerVariable}=`;
  for (let at = environment.indexOf(name); at !== -1; at = environment.indexOf(name, at + 1)) {
    if (at > 0 && environment[at - 1] !== 0) continue;
    const end = environment.indexOf(0, at);
    const value = environment.toString('utf8', at + name.length, end === -1 ? undefined : end);
    // Whoever writes anything else means something else.
    return markerPattern.test(value) ? value : undefined;
  }
  return undefined;
}

/** Of /proc/PID/cmdline: a program may have written one long text over it. */
export function wordsOf(commandLine: Buffer): readonly string[] {
  return commandLine.toString('utf8').replace(/\0+$/, '').split('\0');
}

/** What is not printed as itself is shown as its code: a terminal obeys some of it. */
export function shownCommand(words: readonly string[]): string {
  const text = words.join(' ').trim();
  const visible = [...text.slice(0, commandCharsMax * 2)].map(printable).join('');
  return visible.length <= commandCharsMax && text.length <= commandCharsMax * 2
    ? visible
    : `${visible.slice(0, commandCharsMax)} …`;
}

/** Ticks of the kernel's clock a second, as every Linux tells its programs. */
const ticksPerSecond = 100;
const commandBytesMax = 4096;
const commandCharsMax = 160;
/** More is not given to any program by Linux, arguments and environment together. */
const environmentBytesMax = 6 * 1024 * 1024;
const markerPattern = /^[\w.:-]{1,200}$/;

/** Control characters, what turns the direction of writing, what has no width, halves of characters. */
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

function printable(character: string): string {
  if (!unprintable.test(character)) return character;
  const code = character.codePointAt(0) ?? 0;
  return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
}

/** Null where the clocks do not fit: some containers have an uptime of their own. */
function ageOf(startTime: number, uptime: string | undefined): number | null {
  const ageMs = Number.parseFloat(uptime ?? '') * 1000 - (startTime / ticksPerSecond) * 1000;
  return ageMs >= -1000 ? Math.max(0, Math.round(ageMs)) : null;
}

function numberIn(text: string | undefined, pattern: RegExp): number | null {
  const found = pattern.exec(text ?? '')?.[1];
  return found === undefined ? null : Number(found);
}
