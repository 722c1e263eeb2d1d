// Lets messages in. Model work in WebAssembly blocks its thread, and awaiting it gives the thread no chance to hear
// of a cancel or of another stream: only a full turn of the event loop does.
import { setImmediate } from 'node:timers/promises';

/**
 * Resolves after the event loop has polled. One immediate would not do: started from a message's own callback it
 * runs in the same round, before the next poll.
 */
export async function messageTurn(): Promise<void> {
  await setImmediate();
  await setImmediate();
}
