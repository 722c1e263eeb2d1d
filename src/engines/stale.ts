// What an earlier gateway of this data directory has left running: it was killed, and its reaper as well. Only what is
// certainly its own is ended: a process that is the very one of the journal, with its group, and whoever carries a
// marker of the journal. A number that means another by now is left alone.
import { type Clock, delay } from '../lifecycle/clock.ts';
import type { Log } from '../telemetry/log.ts';
import { statOf } from './host/identity.ts';
import { type KillTarget, killGroupOf } from './host/kill.ts';
import { type Carrier, carriersOf, killCarriers } from './host/marked.ts';
import { inBatches } from './host/proc.ts';
import {
  isHere,
  type JournalPlace,
  type RunEntry,
  runOf,
  type SpawnEntry,
  standingOf,
} from './journal-entry.ts';
import type { JournalFound } from './journal-files.ts';

export interface Stale {
  /** Engines' first processes, which are still there. */
  readonly engines: readonly (SpawnEntry & KillTarget)[];
  /** The runs whose markers count: of this boot and pid namespace. */
  readonly runs: ReadonlyMap<string, RunEntry | undefined>;
}

/** Of the entries of before, those that may mean something here and now. Nothing is touched. */
export async function findStale({ runs, spawns }: JournalFound, here: JournalPlace): Promise<Stale> {
  const judged = await inBatches(spawns, async (entry) => ({
    entry,
    standing: standingOf(entry, here, await statOf(entry.pid)),
  }));
  const known = new Map<string, RunEntry | undefined>();
  for (const { entry, standing } of judged) {
    const run = runOf(entry.marker);
    if (run !== undefined && standing !== 'elsewhere') known.set(run, undefined);
  }
  for (const entry of runs) if (isHere(entry, here)) known.set(entry.run, entry);
  return {
    engines: judged.flatMap(({ entry, standing }) => {
      const { startTime } = entry;
      return standing === 'there' && startTime !== null ? [{ ...entry, startTime }] : [];
    }),
    runs: known,
  };
}

/** Everybody who carries a marker of one of these runs. */
export function staleCarriers({ runs }: Stale): Promise<readonly Carrier[]> {
  return runs.size === 0 ? Promise.resolve([]) : carriersOf((marker) => runs.has(runOf(marker) ?? ''));
}

/** KILLs all of it, and waits until it is gone, for `limitMs` at most. Returns who is still there then. */
export async function reapStale(
  stale: Stale,
  spawns: readonly SpawnEntry[],
  { log, clock, limitMs }: { readonly log: Log; readonly clock: Clock; readonly limitMs: number },
): Promise<readonly Carrier[]> {
  if (stale.runs.size === 0) return [];
  const untilMs = clock.now() + limitMs;
  const engineOf = new Map(spawns.map(({ marker, engine }) => [marker, engine]));
  const told = new Set<number>();
  const tell = (pid: number, marker: string, rest: string) => {
    if (told.has(pid)) return;
    told.add(pid);
    const engine = engineOf.get(marker);
    const facts = { engine, pid, marker };
    log.warn(facts, `reaped ${engine ? `engine ${engine}` : 'an engine'} (pid ${pid}${rest})`);
  };
  const whence = (marker: string) => whenceText(stale.runs.get(runOf(marker) ?? ''));
  for (const target of stale.engines)
    if (killGroupOf(target) === 'sent') tell(target.pid, target.marker, `, ${whence(target.marker)}`);
  // Again while there is somebody: it may have started another meanwhile.
  for (let pauseMs = 5; ; pauseMs = Math.min(100, pauseMs * 2)) {
    const found = await killCarriers((marker) => stale.runs.has(runOf(marker) ?? ''));
    for (const { pid, marker, outcome } of found)
      if (outcome === 'sent') tell(pid, marker, `, which had left its group, ${whence(marker)}`);
    if (found.length === 0 || clock.now() >= untilMs) return found;
    await delay(clock, pauseMs);
  }
}

const whenceText = (run: RunEntry | undefined): string =>
  run ? `of a gateway, pid ${run.pid}, that began at ${run.startedAt}` : 'of a gateway that is gone';
