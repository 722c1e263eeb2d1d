// How a gateway left, as it told: kept while its connection is gone, until the next one leaves. Followed for as long as
// the page is open.
import { signal } from '@preact/signals';
import type { StageReport } from '../../../src/lifecycle/shutdown.ts';
import { linkState, onOwn } from '../live/gateway.ts';
import { type Leaving, left, nextLeaving } from './leaving.ts';

export const leaving = signal<Leaving>({ state: 'none' });

export function followLeaving(): void {
  onOwn('greenroom.gateway.leaving', ({ ts, data }) => {
    const { reason, totalMs } = data as { reason: string; totalMs?: number };
    leaving.value = nextLeaving({ atMs: ts, reason, totalMs: totalMs ?? null });
  });
  onOwn('greenroom.gateway.stage', ({ data }) => {
    const { value } = leaving;
    if (value.state === 'leaving')
      leaving.value = { ...value, stages: [...value.stages, data as StageReport] };
  });
  linkState.subscribe((link) => {
    leaving.value = left(leaving.value, link, Date.now());
  });
}
