// What a start would say of the database that is there, without touching it.
import { statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { messageOf } from '../lifecycle/errors.ts';
import { isDamaged, refused, unusable } from './database-file.ts';
import { latestVersion } from './migrations.ts';
import { whoseIs } from './ours.ts';
import { oddFileOf } from './plain-file.ts';

export type DatabaseLook =
  | { readonly state: 'none' | 'ours' }
  /** A start sets it aside, and goes on. */
  | { readonly state: 'damaged'; readonly why: string }
  /** A start ends with that. */
  | { readonly state: 'refused'; readonly why: string };

/** Not what is in its WAL only. Nobody may be writing to it. */
export function lookAtDatabase(path: string): DatabaseLook {
  let database: DatabaseSync | undefined;
  try {
    const odd = oddFileOf(path);
    if (odd !== undefined) return { state: 'refused', why: unusable(path, odd).message };
    if (!statSync(path, { throwIfNoEntry: false })) return { state: 'none' };
    const address = pathToFileURL(path);
    // Without locks and without its companions, which SQLite would make even for a reader.
    address.searchParams.set('immutable', '1');
    database = new DatabaseSync(address, { readOnly: true });
    const whose = whoseIs(database, latestVersion);
    return whose === 'ours'
      ? { state: 'ours' }
      : { state: 'refused', why: refused(path, database, whose).message };
  } catch (thrown) {
    const why = messageOf(thrown);
    return isDamaged(thrown)
      ? { state: 'damaged', why: `${path} is damaged: ${why}` }
      : { state: 'refused', why: unusable(path, why).message };
  } finally {
    database?.close();
  }
}
