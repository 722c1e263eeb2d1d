// The engines' clocks run on the screen while any of them is on its way.
import type { Gateway } from '../gateway/gateway.ts';
import { delay, systemClock } from '../lifecycle/clock.ts';
import type { Screen } from './screen.ts';

const redrawMs = 200;
/** Nothing of an engine runs on by the second; one that is tried again tells each step of it. */
const atRest: ReadonlySet<string> = new Set(['ready', 'failed', 'backoff', 'stopped', 'idle']);

/** Ends when all have come to rest, or the gateway leaves. */
export async function watchEngines(gateway: Gateway, screen: Screen): Promise<void> {
  while (gateway.shutdown.state === 'running') {
    const engines = gateway.engines();
    for (const status of engines) if (status.state === 'starting') screen.engine(status);
    if (engines.every(({ state }) => atRest.has(state))) break;
    await delay(systemClock, redrawMs);
  }
  screen.settled();
}
