// What many events ask for is done once for all of them, a moment later.

const waitMs = 150;

/** @returns what asks for it; further askings within the moment are the same one */
export function soon(act: () => Promise<unknown>): () => void {
  let state: 'still' | 'asked' = 'still';
  return () => {
    if (state === 'asked') return;
    state = 'asked';
    setTimeout(() => {
      state = 'still';
      // Whoever polls as well finds out what is wrong.
      act().catch(() => undefined);
    }, waitMs);
  };
}
