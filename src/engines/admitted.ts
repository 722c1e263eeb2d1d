// One call of an engine by the lobby's rules: its place is held for exactly as long as its answer is taken.
import type { EngineInstance } from './instance.ts';
import type { AdmitOptions, Lease, LeaseEnd } from './lease.ts';

/** Ends early, without an error, when the signal aborts. Errors as `admit` and the call have them. */
export async function* whileAdmitted<Chunk>(
  admit: (options: AdmitOptions) => Promise<Lease>,
  signal: AbortSignal,
  run: (instance: EngineInstance) => AsyncIterable<Chunk>,
): AsyncGenerator<Chunk> {
  if (signal.aborted) return;
  const lease = await admit({ signal });
  let end: LeaseEnd = 'failed';
  try {
    for await (const chunk of run(lease.instance)) {
      lease.heard();
      yield chunk;
    }
    end = 'done';
  } finally {
    lease.release(signal.aborted ? 'cancelled' : end);
  }
}
