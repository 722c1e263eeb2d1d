// The engines as they are: told by events, asked for what no event tells (calls, memory).
import { computed, signal } from '@preact/signals';
import type { EngineStatus } from '../../../src/engines/status.ts';
import { askList } from '../live/api.ts';
import { onOwn } from '../live/gateway.ts';

export interface EngineRow {
  readonly status: EngineStatus;
  /** When it was told, ms since 1970: its elapsed time goes on from there. */
  readonly atMs: number;
}

const rows = signal<ReadonlyMap<string, EngineRow>>(new Map());

export const engines = computed(() => [...rows.value.values()]);

/** Replaces all: another gateway may have others. */
export async function askEngines(): Promise<void> {
  const statuses = await askList<EngineStatus>('/api/engines');
  const atMs = Date.now();
  rows.value = new Map(statuses.map((status) => [status.name, { status, atMs }]));
}

/** @returns its undo */
export function followEngines(): () => void {
  return onOwn('greenroom.engine.', ({ data, ts }) => {
    const status = data as EngineStatus;
    const known = rows.value.get(status.name);
    // What was asked for later is newer than a snapshot.
    if (known && known.atMs > ts + clockSkewMs) return;
    rows.value = new Map(rows.value).set(status.name, { status, atMs: Math.min(ts, Date.now()) });
  });
}

/** Of the page's clock against the gateway's: on one machine none, and beyond that nobody can know. */
const clockSkewMs = 50;
