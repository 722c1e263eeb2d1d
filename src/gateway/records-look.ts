// What a start would say of the records of a data directory. Apart from them: a gateway needs none of it.
import { join } from 'node:path';
import { type DatabaseLook, lookAtDatabase } from '../store/database-look.ts';
import { databaseName } from './records.ts';

export interface RecordsLook {
  readonly path: string;
  readonly look: DatabaseLook;
}

/** Changes nothing. No gateway may serve the directory. */
export function lookAtRecords(directory: string): RecordsLook {
  const path = join(directory, databaseName);
  return { path, look: lookAtDatabase(path) };
}
