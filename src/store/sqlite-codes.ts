// What SQLite's result codes mean for whoever goes on.

/** `passing`: the disk or its owner may allow it later. `row`: this very row is refused, now and always. */
export type SqliteTrouble = 'damaged' | 'passing' | 'row';

export const sqliteBusy = 5;
export const sqliteCorrupt = 11;
export const sqliteNotDatabase = 26;

/** busy, locked, no memory, read-only, I/O error, disk full, cannot open, locking protocol. */
const passing: readonly number[] = [sqliteBusy, 6, 7, 8, 10, 13, 14, 15];

/** The primary result code, which the lowest byte of the extended one is. */
export function sqliteCodeOf(thrown: unknown): number | undefined {
  const code = thrown instanceof Error && 'errcode' in thrown ? thrown.errcode : undefined;
  return typeof code === 'number' ? code & 0xff : undefined;
}

/** Undefined for what neither SQLite nor the disk has said. */
export function sqliteTrouble(thrown: unknown): SqliteTrouble | undefined {
  const code = sqliteCodeOf(thrown);
  if (code === undefined) return isDiskTrouble(thrown) ? 'passing' : undefined;
  if (code === sqliteCorrupt || code === sqliteNotDatabase) return 'damaged';
  return passing.includes(code) ? 'passing' : 'row';
}

const diskTroubles: readonly unknown[] = ['ENOSPC', 'EDQUOT', 'EIO', 'EMFILE', 'ENFILE'];

function isDiskTrouble(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && diskTroubles.includes(thrown.code);
}
