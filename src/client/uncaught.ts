// What is thrown where nobody can catch it: a fault of the page, or of ours, which must not harm what goes on.

/** As an event target has it: what `work` throws is shown where uncaught errors are, and disturbs nobody else. */
export function undisturbed(work: () => void): void {
  try {
    work();
  } catch (thrown) {
    queueMicrotask(() => {
      throw thrown;
    });
  }
}
