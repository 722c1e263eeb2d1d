// No caller waits without bound: how long an engine may let one turn wait before the answer fails. An engine has limits
// of its own (`stall`, minutes, after which it is given up for all); these are a caller's, of one call.
import { GreenroomError } from '../lifecycle/errors.ts';
import type { Scope } from '../lifecycle/scope.ts';

export interface Patience {
  /** Until it gives anything, the wait for its turn among its callers included. */
  readonly firstMs: number;
  /** Between two parts. */
  readonly nextMs: number;
}

/**
 * As long as a caller waits in the lobby: a long prompt on a slow processor takes that, and nobody holds the line for
 * longer. Then it has shown how fast it is.
 */
export const patience: Patience = { firstMs: 60_000, nextMs: 30_000 };

export interface Call<Part> extends Patience {
  /** Owns the call while it lasts; the call ends early, without an error, when it closes. */
  readonly scope: Scope;
  readonly engine: string;
  /** In messages: `chat`, `transcription`, `speech`. */
  readonly what: string;
  /** Since when it owes anything, by the scope's clock; null: nothing yet. Default: since it was asked. */
  readonly owesSinceMs?: () => number | null;
  readonly ask: (signal: AbortSignal) => AsyncIterable<Part>;
}

type Step<Part> = IteratorResult<Part> | 'late' | 'aborted';

/** Its parts. Throws `engine_stalled` when one does not come in its time; one that ignores its cancel holds nobody. */
export async function* patiently<Part>(call: Call<Part>): AsyncGenerator<Part> {
  const { engine, what, ask, firstMs, nextMs, owesSinceMs = () => 0 } = call;
  if (call.scope.state !== 'open') return;
  const scope = call.scope.child(`${what} of ${engine}`);
  const parts = ask(scope.signal)[Symbol.asyncIterator]();
  let count = 0;
  try {
    for (;;) {
      const ms = count === 0 ? firstMs : nextMs;
      const step = await stepped(parts, ms, scope, owesSinceMs);
      if (step === 'aborted') return;
      if (step === 'late') {
        const awaited = count === 0 ? 'its first part' : `its part ${count + 1}`;
        const message = `engine ${engine}: ${what}: ${awaited} did not come within ${ms} ms`;
        const details = { engine, awaited: what, parts: count, ms };
        throw new GreenroomError('engine_stalled', message, { details });
      }
      if (step.done) return;
      count += 1;
      yield step.value;
    }
  } finally {
    // Whoever ignores that ends when it likes: what it gives then reaches nobody.
    void scope.close('done');
    parts.return?.().then(undefined, () => undefined);
  }
}

function stepped<Part>(
  parts: AsyncIterator<Part>,
  ms: number,
  scope: Scope,
  owesSinceMs: () => number | null,
): Promise<Step<Part>> {
  const { signal, clock } = scope;
  const beganMs = clock.now();
  return new Promise((resolve, reject) => {
    const over = (end: () => void) => {
      timer.cancel();
      signal.removeEventListener('abort', aborted);
      end();
    };
    const aborted = () => over(() => resolve('aborted'));
    const look = () => {
      const waitedMs = clock.now() - Math.max(beganMs, owesSinceMs() ?? clock.now());
      if (waitedMs >= ms) over(() => resolve('late'));
      else timer = clock.after(ms - waitedMs, look, { ref: false });
    };
    let timer = clock.after(ms, look, { ref: false });
    signal.addEventListener('abort', aborted, { once: true });
    parts.next().then(
      (step) => over(() => resolve(step)),
      (error: unknown) => over(() => reject(error)),
    );
    if (signal.aborted) aborted();
  });
}
