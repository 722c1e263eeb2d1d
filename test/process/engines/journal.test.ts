// The journal beside real processes: what it writes, when it forgets, whom it ends.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { holderOf, type VisibleHolder } from '../../../src/engines/host/holder.ts';
import { statOf } from '../../../src/engines/host/identity.ts';
import { killGroupOf, killProcess } from '../../../src/engines/host/kill.ts';
import { Journal } from '../../../src/engines/journal.ts';
import type { SpawnEntry } from '../../../src/engines/journal-entry.ts';
import { entriesMax } from '../../../src/engines/journal-files.ts';
import { systemClock } from '../../../src/lifecycle/clock.ts';
import { testFolder } from '../../support/folder.ts';
import { until } from '../../support/poll.ts';
import { program, runs, Supervised } from './supervised.ts';

const soon = { timeoutMs: 5000 };

class Desk implements AsyncDisposable {
  readonly journal: Journal;
  readonly directory: string;
  readonly log: string[] = [];
  readonly #children: ChildProcess[] = [];

  constructor(directory: string) {
    this.directory = directory;
    const line = (_: object, message: string) => void this.log.push(message);
    const log = { debug: line, info: line, warn: line, error: line };
    this.journal = new Journal({ directory, clock: systemClock, log });
  }

  /** A process in a group of its own. */
  process(marker: string): number {
    const env = { ...process.env, GREENROOM_INSTANCE: marker };
    const child = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore', env });
    this.#children.push(child);
    return child.pid ?? 0;
  }

  names(): Promise<readonly string[]> {
    return readdir(join(this.directory, 'journal'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) {
      const exited = once(child, 'exit');
      if (child.kill('SIGKILL')) await exited;
    }
    await this.journal.close();
  }
}

async function holder(pid: number): Promise<VisibleHolder> {
  const found = await holderOf(pid);
  if (!found) throw new Error(`no process ${pid}`);
  return found;
}

describe('a journal', () => {
  test('has a run before there is an engine, an entry for each process, and nothing in the end', async () => {
    await using folder = await testFolder();
    await using desk = new Desk(folder.path);
    const { journal } = desk;
    await journal.open();
    const [run = ''] = await desk.names();
    expect(run).toMatch(/^run\.[0-9a-f]{32}\.json$/);
    const marker = journal.begin(randomUUID(), 'ears');
    expect(marker.endsWith(run.slice(3, -5))).toBe(true);
    const pid = desk.process(marker);
    journal.spawned(marker, pid, '127.0.0.1:20123');
    const path = join(folder.path, 'journal', `${marker}.json`);
    const entry = JSON.parse(
      await until(() => readFile(path, 'utf8'), { ...soon, what: 'the entry' }),
    ) as SpawnEntry;
    expect(entry).toEqual({
      ...{ marker, engine: 'ears', pid, pgid: pid, startTime: (await statOf(pid))?.startTime },
      ...{ argvHash: expect.stringMatching(/^[0-9a-f]{16}$/), at: '127.0.0.1:20123' },
      ...{ spawnedAt: expect.stringMatching(/Z$/), bootId: expect.any(String) },
      pidNamespace: expect.stringMatching(/^pid:\[\d+\]$/),
    });
    expect(killGroupOf({ pid, startTime: entry.startTime ?? 0 })).toBe('sent');
    journal.ended(marker);
    await until(async () => (await desk.names()).length === 1, { ...soon, what: 'no entry' });
    await journal.close();
    expect(await desk.names()).toEqual([]);
    expect(desk.log).toEqual([]);
  });

  test('ends who still carries the marker of an engine that has ended', async () => {
    await using folder = await testFolder();
    await using desk = new Desk(folder.path);
    const { journal } = desk;
    await journal.open();
    const marker = journal.begin(randomUUID(), 'ears');
    const escaped = desk.process(marker);
    journal.ended(marker);
    await until(async () => !(await runs(escaped)), { ...soon, what: 'the end of who escaped' });
  });

  test('ends it at its own end as well, and soon', async () => {
    await using folder = await testFolder();
    await using desk = new Desk(folder.path);
    const { journal } = desk;
    await journal.open();
    const marker = journal.begin(randomUUID(), 'ears');
    const escaped = desk.process(marker);
    journal.ended(marker);
    const began = performance.now();
    await Promise.all([journal.close(), journal.close()]);
    expect(performance.now() - began).toBeLessThan(1000);
    expect(await runs(escaped)).toBe(false);
    expect(await desk.names()).toEqual([]);
  });

  test('knows whose a marker is', async () => {
    await using folder = await testFolder();
    await using desk = new Desk(folder.path);
    const { journal } = desk;
    await journal.open();
    const marker = journal.begin('a', 'ears');
    expect(journal.whose(marker)).toEqual({ state: 'live', engine: 'ears' });
    journal.ended(marker);
    expect(journal.whose(marker)).toEqual({ state: 'ended', engine: 'ears' });
    expect(journal.whose(`a.${'0'.repeat(32)}`)).toEqual({ state: 'stranger' });
    expect(journal.whose(randomUUID())).toEqual({ state: 'stranger' });
  });

  test('reaps who was left behind, and never a stranger or an engine that runs', async () => {
    await using folder = await testFolder();
    await using desk = new Desk(folder.path);
    const { journal } = desk;
    await journal.open();
    const [live, ended] = [journal.begin('a', 'ears'), journal.begin('b', 'mouth')];
    const [running, stranger, left, beside] = [live, randomUUID(), ended, ended].map((each) =>
      desk.process(each),
    );
    journal.ended(ended);
    expect(await journal.reap(await holder(running ?? 0))).toBe('there');
    expect(await journal.reap(await holder(stranger ?? 0))).toBe('there');
    expect(await journal.reap(await holder(left ?? 0))).toBe('gone');
    expect(await Promise.all([running, stranger, left, beside].map((pid) => runs(pid ?? 0)))).toEqual([
      ...[true, true, false, false],
    ]);
    journal.ended(live);
  });

  test('drops what is corrupt, half written or too much, and leaves alone what is nobody’s', async () => {
    await using folder = await testFolder();
    const journal = join(folder.path, 'journal');
    await mkdir(join(journal, `dir.${'e'.repeat(32)}.json`), { recursive: true });
    await symlink('/dev/zero', join(journal, `zero.${'e'.repeat(32)}.json`));
    await writeFile(join(journal, `half.${'e'.repeat(32)}.json.next`), '{');
    await writeFile(join(journal, 'notes.txt'), 'mine');
    const many = Array.from({ length: entriesMax + 7 }, (_, at) => `${at}.${'e'.repeat(32)}.json`);
    for (let at = 0; at < many.length; at += 500)
      await Promise.all(many.slice(at, at + 500).map((name) => writeFile(join(journal, name), '{}')));
    await using desk = new Desk(folder.path);
    const began = performance.now();
    await desk.journal.open();
    expect(performance.now() - began).toBeLessThan(3500);
    const left = async () => (await desk.names()).length === 2;
    await until(left, { timeoutMs: 20_000, what: 'a run and the notes' });
    expect(await desk.names()).toContain('notes.txt');
    const told = desk.log.filter((line) => line.startsWith('the journal has dropped '));
    expect(told).toHaveLength(7);
    expect(told.slice(5)).toEqual([
      'the journal has dropped 9995 more entries that are no better',
      'the journal has dropped 9 entries unread: they are too many',
    ]);
  });

  test('in whose place there is a file is told once, and holds nothing up', async () => {
    await using folder = await testFolder();
    await folder.write('journal', 'a file');
    await using desk = new Desk(folder.path);
    await desk.journal.open();
    const marker = desk.journal.begin('a', 'ears');
    desk.journal.spawned(marker, process.pid, null);
    desk.journal.ended(marker);
    await desk.journal.close();
    expect(desk.log).toEqual([expect.stringMatching(/^the journal cannot be kept: .*ENOTDIR/)]);
  });
});

describe('who is meant by a number', () => {
  test('is killed, and nobody who got it since', async () => {
    await using folder = await testFolder();
    await using desk = new Desk(folder.path);
    const pid = desk.process('a');
    const { startTime = 0 } = (await statOf(pid)) ?? {};
    expect(killProcess({ pid, startTime: startTime + 1 })).toBe('gone');
    expect(killGroupOf({ pid, startTime: startTime - 1 })).toBe('gone');
    expect(await runs(pid)).toBe(true);
    expect(killProcess({ pid, startTime })).toBe('sent');
    await until(async () => !(await runs(pid)), { ...soon, what: 'its end' });
    expect(killProcess({ pid, startTime })).toBe('gone');
  });

  test('is never ourselves, our group, or init', async () => {
    const { startTime = 0 } = (await statOf(process.pid)) ?? {};
    expect(killProcess({ pid: process.pid, startTime })).toBe('refused');
    expect(killGroupOf({ pid: process.pid, startTime })).toBe('refused');
    const init = await statOf(1);
    expect(killProcess({ pid: 1, startTime: init?.startTime ?? 0 })).toBe('refused');
    expect(killGroupOf({ pid: 0, startTime: 0 })).toBe('refused');
  });
});

test('a supervisor’s engines are written down with where they listen', async () => {
  await using folder = await testFolder();
  await using desk = new Desk(folder.path);
  await desk.journal.open();
  {
    await using stage = await Supervised.journalled(desk.journal, program('grandchild.mjs'));
    await stage.becomes('ready');
    const { port } = stage.engine.status();
    const entry = async () => {
      const name = (await desk.names()).find((each) => !each.startsWith('run.'));
      return name && (JSON.parse(await readFile(join(folder.path, 'journal', name), 'utf8')) as SpawnEntry);
    };
    expect(await until(entry, { ...soon, what: 'the entry' })).toMatchObject({
      ...{ engine: 'mine', pid: stage.pid, at: `http://127.0.0.1:${port}` },
    });
    await stage.stop();
    await until(async () => (await desk.names()).length === 1, { ...soon, what: 'no entry' });
  }
  await desk.journal.close();
  expect(await desk.names()).toEqual([]);
});
