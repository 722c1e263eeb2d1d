// The end of an engine that nobody is given any more: its last users go first, for as long as they may.
import { delay } from '../lifecycle/clock.ts';
import { Deadline } from '../lifecycle/deadline.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { Engine } from './engine.ts';

/** A KILL and its exit take so much longer than the grace of an engine. */
const killMs = 1000;
const lookEveryMs = 50;

/** Resolves when it is gone with all it held. @param scope of the engine */
export async function dropEngine(
  engine: Engine,
  scope: Scope,
  limits: { readonly drainMs: number; readonly stopGraceMs: number },
): Promise<void> {
  const { clock } = scope;
  const untilMs = clock.now() + limits.drainMs;
  while (engine.lobby.wanted && clock.now() < untilMs && scope.state === 'open')
    await delay(clock, lookEveryMs, scope.signal);
  const deadline = new Deadline(clock, limits.stopGraceMs / 0.8 + killMs);
  await engine.stop(deadline);
  deadline.dispose();
  await scope.close('done');
}
