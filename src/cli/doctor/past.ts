// What `doctor` knows of a data directory: whether a gateway serves it, and what its journal says. Read only.
import { access, constants, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { formatAge } from '../../config/units.ts';
import { recordName } from '../../engines/host/data-names.ts';
import type { Whose } from '../../engines/host/describe.ts';
import { readBootId, readPidNamespace } from '../../engines/host/identity.ts';
import type { Carrier } from '../../engines/host/marked.ts';
import { runOf } from '../../engines/journal-entry.ts';
import { type JournalFound, journalFolder, readJournal } from '../../engines/journal-files.ts';
import { findStale, staleCarriers } from '../../engines/stale.ts';
import { opennessOf } from '../../gateway/data-directory.ts';
import { lockTrouble } from '../../gateway/directory-lock.ts';
import { lookInto, type Presence } from '../../gateway/presence.ts';
import { lookAtRecords } from '../../gateway/records-look.ts';
import { messageOf } from '../../lifecycle/errors.ts';
import { type Check, ok, problem, warning } from './check.ts';

export interface Past {
  readonly directory: string;
  readonly presence: Presence;
  /** Of the gateway that serves it; null when none does. */
  readonly pid: number | null;
  readonly whose: Whose;
  /** Why it cannot be read; null when it can, or is not there. */
  readonly journalTrouble: string | null;
  /** Processes of earlier gateways that still run. */
  readonly left: readonly (Carrier & { readonly engine: string | null })[];
}

const noJournal: JournalFound = { runs: [], spawns: [], corrupt: [], names: [], unread: 0 };

/** Throws `permission_denied`, and `data_directory_unusable` when it is no folder. */
export async function readPast(directory: string): Promise<Past> {
  const presence = await lookInto(directory);
  const pid = pidOf(presence);
  const [bootId, pidNamespace] = await Promise.all([readBootId(), readPidNamespace()]);
  const journal = await readJournal(join(directory, journalFolder)).catch((error: unknown) => ({ error }));
  const found = 'error' in journal ? noJournal : journal;
  const stale = await findStale(found, { bootId, pidNamespace });
  const live = new Set(found.runs.filter((run) => run.pid === pid).map(({ run }) => run));
  const engines = new Map(found.spawns.map(({ marker, engine }) => [marker, engine]));
  const carriers = await staleCarriers(stale);
  const engineOf = (marker: string) => engines.get(marker) ?? null;
  return {
    ...{ directory, presence, pid },
    journalTrouble: 'error' in journal ? messageOf(journal.error) : null,
    whose(marker) {
      const run = runOf(marker) ?? '';
      if (live.has(run)) return { state: 'live', engine: engineOf(marker) ?? '?' };
      return stale.runs.has(run) ? { state: 'earlier' } : { state: 'stranger' };
    },
    left: carriers
      .filter(({ marker }) => !live.has(runOf(marker) ?? ''))
      .map((carrier) => ({ ...carrier, engine: engineOf(carrier.marker) })),
  };
}

/** Nothing where there is none, or where a gateway uses it. */
export function checkDatabase({ directory, pid, presence }: Past): readonly Check[] {
  if (pid !== null || presence.state === 'unrecorded') return [];
  const facts = { check: 'database', engine: null };
  const { path, look } = lookAtRecords(directory);
  if (look.state === 'refused') return [problem(facts, look.why, null)];
  if (look.state === 'damaged') return [warning(facts, look.why, 'the next `greenroom up` sets it aside')];
  return look.state === 'ours' ? [ok(facts, `${path} is ours`)] : [];
}

export async function checkPast(past: Past): Promise<readonly Check[]> {
  return [await checkDirectory(past), checkLeft(past)];
}

function pidOf(presence: Presence): number | null {
  if (presence.state === 'running') return presence.record.pid;
  return presence.state === 'unrecorded' ? (presence.holder?.pid ?? null) : null;
}

async function checkDirectory({ directory, presence }: Past): Promise<Check> {
  const facts = { check: 'data directory', engine: null };
  switch (presence.state) {
    case 'running': {
      const { pid, url, startedAt } = presence.record;
      const age = formatAge(Math.max(0, Date.now() - Date.parse(startedAt)));
      return ok(facts, `a gateway serves ${directory}: pid ${pid} at ${url}, for ${age}`);
    }
    case 'unrecorded': {
      const who = presence.holder ? `pid ${presence.holder.pid}` : 'somebody';
      const what = presence.problem ?? 'it has not written its address: it starts, or leaves';
      return warning(facts, `${who} holds ${directory}; ${what}`, 'ask again in a moment');
    }
    case 'gone':
    case 'corrupt':
    case 'none':
      return writable(directory, presence);
  }
}

async function writable(directory: string, presence: Presence): Promise<Check> {
  const facts = { check: 'data directory', engine: null };
  const place = await nearest(directory);
  const may = await access(place, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
  if (!may) return problem(facts, `${place} may not be written by this user`, 'name another one with --data');
  const refusal = place === directory ? await refusalOf(directory) : undefined;
  if (refusal !== undefined) return problem(facts, refusal, null);
  if (presence.state === 'gone')
    return ok(
      facts,
      `no gateway serves ${directory}; the last one, pid ${presence.record.pid}, did not clean up`,
    );
  return ok(facts, `no gateway serves ${directory}${place === directory ? '' : ', which will be made'}`);
}

/** What a start would say; its next step is in it. */
async function refusalOf(directory: string): Promise<string | undefined> {
  const open = await opennessOf(directory);
  return open?.refusal ?? lockTrouble(directory) ?? oddIn(directory);
}

/** What a start writes, and cannot where something else has its name. */
const written = [
  ['logs', 'folder'],
  ['logs/greenroom.log', 'file'],
  [recordName, 'file'],
] as const;

async function oddIn(directory: string): Promise<string | undefined> {
  for (const [name, kind] of written) {
    const path = join(directory, name);
    const stats = await stat(path).catch(() => undefined);
    // A log may be a device or a pipe.
    const fits = kind === 'folder' ? stats?.isDirectory() : !stats?.isDirectory();
    if (stats && !fits) return `${path} is no ${kind}; move it away, or name another folder with --data`;
  }
  return undefined;
}

/** It, or the folder above that is there. */
async function nearest(directory: string): Promise<string> {
  const there = await access(directory).then(
    () => true,
    () => false,
  );
  return there || dirname(directory) === directory ? directory : nearest(dirname(directory));
}

function checkLeft({ left, directory, journalTrouble }: Past): Check {
  const facts = { check: 'left behind', engine: null };
  if (journalTrouble !== null) {
    const message = `the journal of ${directory} cannot be read, so that nobody knows: ${journalTrouble}`;
    return warning(facts, message, `move ${join(directory, journalFolder)} away`);
  }
  if (left.length === 0) return ok(facts, 'nothing of an earlier gateway runs');
  const shown = left.slice(0, 5).map(({ pid, engine }) => `pid ${pid}${engine ? ` (engine ${engine})` : ''}`);
  const more = left.length > 5 ? ` and ${left.length - 5} more` : '';
  const message = `of an earlier gateway of ${directory} still run: ${shown.join(', ')}${more}`;
  return warning(facts, message, 'the next `greenroom up` of this data directory ends them');
}
