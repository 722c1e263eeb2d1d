/** Wrappers (npm, tsx) may deliver one Ctrl+C twice; only a signal later than this is a second one. */
export const secondSignalMs = 500;
