// What `lsof -F` and `ps -o` write, for systems without /proc. Pure.

export interface LsofProcess {
  readonly pid: number;
  readonly command: string;
  readonly uid: number | null;
  readonly user: string | null;
  readonly files: readonly LsofFile[];
}

export interface LsofFile {
  /** A number, or what it is otherwise: `txt` and `mem` are mapped. */
  readonly fd: string;
  /** `IPv4`, `IPv6`, `REG`, `unix`. */
  readonly type: string;
  /** `127.0.0.1:8080`, `*:8080`, a path. */
  readonly name: string;
}

/** `lsof -F pcuLftn`: a field a line, its first character says which. */
export function parseLsof(text: string): readonly LsofProcess[] {
  const processes: { -readonly [Key in keyof LsofProcess]: LsofProcess[Key] }[] = [];
  let files: { fd: string; type: string; name: string }[] = [];
  for (const line of text.split('\n')) {
    const value = line.slice(1);
    const process = processes.at(-1);
    const file = files.at(-1);
    if (line.startsWith('p')) {
      files = [];
      processes.push({ pid: Number(value), command: '?', uid: null, user: null, files });
    } else if (!process) continue;
    else if (line.startsWith('c')) process.command = value;
    else if (line.startsWith('u')) process.uid = Number(value);
    else if (line.startsWith('L')) process.user = value;
    else if (line.startsWith('f')) files.push({ fd: value, type: '', name: '' });
    else if (file && line.startsWith('t')) file.type = value;
    else if (file && line.startsWith('n')) file.name = value;
  }
  return processes;
}

export interface PsProcess {
  readonly pid: number;
  readonly parent: number;
  readonly pgid: number;
  readonly uid: number;
  readonly user: string;
  readonly ageMs: number;
  readonly command: string;
}

export const psColumns = 'pid=,ppid=,pgid=,uid=,user=,etime=,command=';

/** A line of `ps -o` with those columns. */
export function parsePs(line: string): PsProcess | undefined {
  const [, pid, parent, pgid, uid, user, age, command] =
    /^(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(\S+)\s+(.*)$/.exec(line.trim()) ?? [];
  const ageMs = elapsedMs(age ?? '');
  if (pid === undefined || user === undefined || command === undefined || ageMs === undefined)
    return undefined;
  return {
    ...{ pid: Number(pid), parent: Number(parent), pgid: Number(pgid), uid: Number(uid) },
    ...{ user, ageMs, command },
  };
}

/** `[[days-]hours:]minutes:seconds`. */
function elapsedMs(text: string): number | undefined {
  const [, days = '0', hours = '0', minutes, seconds] =
    /^(?:(?:(\d+)-)?(\d+):)?(\d+):(\d+)$/.exec(text) ?? [];
  if (minutes === undefined || seconds === undefined) return undefined;
  return (((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
}

/** `127.0.0.1:8080`, `[::1]:8080`, `*:8080`, as lsof names what listens. */
export function parseLsofPlace({ type, name }: LsofFile) {
  const [, host = '', port] = /^(.*):(\d+)$/.exec(name) ?? [];
  if (port === undefined || (type !== 'IPv4' && type !== 'IPv6')) return undefined;
  const family = type === 'IPv4' ? (4 as const) : (6 as const);
  const every = family === 4 ? '0.0.0.0' : '::';
  return { family, host: host === '*' ? every : host.replace(/^\[(.*)\]$/, '$1'), port: Number(port) };
}
