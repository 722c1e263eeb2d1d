// The journal of the engines' processes, loaded when callers have been seated; its place in the scope is that of now.
import type { Journal, JournalOptions } from '../engines/journal.ts';
import type { Scope } from '../lifecycle/scope.ts';

/** Rejects with `scope_closed` when the scope closes meanwhile. */
export function openJournal(scope: Scope, options: JournalOptions, seated: Promise<void>): Promise<Journal> {
  const open = async () => {
    await seated;
    const { Journal } = await import('../engines/journal.ts');
    const journal = new Journal(options);
    await journal.open();
    return journal;
  };
  return scope.acquire('journal', open, (journal) => journal.close());
}
