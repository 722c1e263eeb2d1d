// `kill -9` at any moment: whatever a reader of the database has seen is there afterwards, what was open is marked by the
// next gateway, and nothing keeps that from starting.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { Caller } from '../support/caller.ts';
import { testFolder } from '../support/folder.ts';
import { fixture, GatewayProcess } from '../support/gateway-process.ts';
import { paced, until } from '../support/poll.ts';

const config = {
  engines: { voice: { worker: fixture('gateway/tone.mjs') }, activity: { builtin: 'silero' } },
  pipelines: { default: { kind: 'echo', speak: 'voice', vad: 'activity' } },
};
const rounds = 5;
const callersEach = 20;

interface Saved {
  readonly id: string;
  readonly session: string;
  readonly text: string;
}

/** As another program reads it, while it is written. */
function read<Row>(database: string, sql: string): readonly Row[] {
  if (!existsSync(database)) return [];
  const reader = new DatabaseSync(database, { readOnly: true, timeout: 2000 });
  try {
    // The file is there a moment before its tables are.
    if (reader.prepare(`SELECT 1 FROM sqlite_master WHERE name = 'turns'`).get() === undefined) return [];
    return reader.prepare(sql).all() as unknown as readonly Row[];
  } finally {
    reader.close();
  }
}

const itemsDone = `SELECT session_id AS session, id, text FROM items WHERE role = 'user' AND status = 'completed'`;

test('100 sessions, killed at random moments: what was seen on disk stays, the rest is marked, the lock is free', async () => {
  await using folder = await testFolder();
  const data = join(folder.path, 'data');
  const database = join(data, 'greenroom.db');
  const seen = new Map<string, Saved>();
  for (let round = 0; round < rounds; round += 1) {
    await using gateway = await GatewayProcess.start({ config, args: ['--data', data] });
    const url = await gateway.url();
    const callers = await Promise.all(Array.from({ length: callersEach }, () => Caller.call(url)));
    // On a busy machine the database is there some seconds after its callers.
    const rows = callersEach * (round + 1);
    await until(() => read(database, 'SELECT id FROM sessions').length === rows, {
      what: `${rows} sessions in the database`,
      timeoutMs: 20_000,
    });
    const killAtMs = performance.now() + 300 + Math.random() * 1500;
    let line = 0;
    for await (const _ of paced(15)) {
      if (performance.now() > killAtMs) break;
      const caller = callers[line % callers.length];
      caller?.say(`round ${round}, line ${line}`);
      line += 1;
      if (line % 4 > 0) continue;
      for (const saved of read<Saved>(database, itemsDone)) seen.set(`${saved.session} ${saved.id}`, saved);
    }
    gateway.child.kill('SIGKILL');
    await gateway.exited;
    for (const caller of callers) caller.socket.terminate();
    const left = new Map(
      read<Saved>(database, itemsDone).map((saved) => [`${saved.session} ${saved.id}`, saved]),
    );
    for (const [key, saved] of seen) expect(left.get(key), `round ${round}: ${key}`).toEqual(saved);
  }
  expect(seen.size).toBeGreaterThan(100);
  await using last = await GatewayProcess.start({ config, args: ['--data', data] });
  await last.event('ready');
  const states = read<{ state: string; sessions: number }>(
    database,
    'SELECT state, count(*) AS sessions FROM sessions GROUP BY state',
  );
  expect(states).toEqual([{ state: 'unclean', sessions: rounds * callersEach }]);
}, 120_000);
