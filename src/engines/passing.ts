// Of failures: whether they tell of this moment alone, or of what would fail the next time as well.

const codes: readonly unknown[] = ['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM'];

/** Too many processes or files, too little memory: another moment's trouble, to be tried again. */
export function isPassing(error: unknown): boolean {
  return error instanceof Error && codes.includes((error as NodeJS.ErrnoException).code);
}
