// A folder for a database, opened as a gateway opens it: once, or again and again, whatever became of it meanwhile.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect } from 'vitest';
import { Database, type DatabaseOptions } from '../../../src/store/database.ts';
import { testFolder } from '../../support/folder.ts';

export const written = { state: 'written', refused: 0, why: null };

export const dayMs = 86_400_000;

export async function place() {
  const folder = await testFolder();
  const path = join(folder.path, 'greenroom.db');
  const notices: string[] = [];
  const opened: Database[] = [];
  const made = (options: Partial<DatabaseOptions> & Pick<DatabaseOptions, 'run'>) => {
    const database = new Database({
      ...{ path, wallTime: () => 9000, onNotice: (message) => notices.push(message) },
      retention: { keepMs: dayMs, bytesMax: 1_000_000_000 },
      ...options,
    });
    opened.push(database);
    return database;
  };
  return {
    ...{ folder: folder.path, path, notices, made },
    names: async () => (await readdir(folder.path)).sort(),
    /** As a gateway opens it at its start; the one before is gone without a word. */
    run(run: string, nowMs = 9000, options: Partial<DatabaseOptions> = {}) {
      const database = made({ run, wallTime: () => nowMs, ...options });
      database.open();
      expect(database.write([])).toEqual(written);
      return database;
    },
    sql(text: string) {
      const connection = new DatabaseSync(path);
      connection.exec(text);
      connection.close();
    },
    /** As another program sees it. */
    rows(text: string, file = path) {
      const reader = new DatabaseSync(file, { readOnly: true });
      try {
        return reader.prepare(text).all();
      } finally {
        reader.close();
      }
    },
    async [Symbol.asyncDispose]() {
      for (const database of opened) database.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}
