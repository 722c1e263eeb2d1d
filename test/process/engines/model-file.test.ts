// The file of a model: what keeps an engine from starting, who else has it, what becomes of it while it is used.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, open, rename, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { holderOf } from '../../../src/engines/host/holder.ts';
import type { Left } from '../../../src/engines/journal.ts';
import { ModelFile } from '../../../src/engines/model-file.ts';
import { systemClock } from '../../../src/lifecycle/clock.ts';
import { Scope } from '../../../src/lifecycle/scope.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { type TestFolder, testFolder } from '../../support/folder.ts';
import { until } from '../../support/poll.ts';
import { program, Supervised } from './supervised.ts';

const soon = { timeoutMs: 5000 };
const gguf = Buffer.concat([Buffer.from('GGUF\u0003\0\0\0'), Buffer.alloc(1000)]);

interface Changes {
  readonly format?: undefined;
  readonly exclusive?: boolean;
  readonly left?: Left;
  readonly clock?: VirtualClock;
}

function modelFile(path: string, changes: Changes = {}) {
  const log: string[] = [];
  const line = (_: object, message: string) => void log.push(message);
  const { exclusive = false, left, clock = systemClock } = changes;
  const format = 'format' in changes ? undefined : 'gguf';
  const file = new ModelFile({
    ...{ engine: 'mine', model: { path, format, exclusive }, clock, left },
    log: { debug: line, info: line, warn: line, error: line },
  });
  return { file, log };
}

/** A process that has the file open. */
async function reader(path: string, marker = ''): Promise<AsyncDisposable & { readonly pid: number }> {
  const file = await open(path);
  const env = { ...process.env, GREENROOM_INSTANCE: marker };
  const child = spawn('sleep', ['1000'], { stdio: ['ignore', 'ignore', 'ignore', file.fd], env });
  await once(child, 'spawn');
  await file.close();
  const exited = once(child, 'exit');
  return {
    pid: child.pid ?? 0,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

describe('a model file that cannot be used', () => {
  test.each<[string, (folder: TestFolder) => Promise<unknown>, RegExp]>([
    ['is not there', async () => undefined, /does not exist$/],
    ['is empty', (folder) => folder.write('x', ''), /is empty; download it again$/],
    ['is a folder', (folder) => mkdir(join(folder.path, 'x')), /is a folder; name the file in it$/],
    ['is a pipe', ({ path }) => promisify(execFile)('mkfifo', [join(path, 'x')]), /is no regular file$/],
    [
      'is an error page',
      (folder) => folder.write('x', '<!doctype html><title>404'),
      /is an HTML page \(25 bytes\), not GGUF; download it again$/,
    ],
    [
      'is a pointer',
      (folder) => folder.write('x', 'version https://git-lfs.github.com/spec/v1\n'),
      /is a git-lfs pointer, not the file itself \(43 bytes\), not GGUF; run `git lfs pull`$/,
    ],
  ])('because it %s', async (_, prepare, problem) => {
    await using folder = await testFolder();
    await prepare(folder);
    const path = join(folder.path, 'x');
    const error = await modelFile(path)
      .file.check()
      .then(undefined, (thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'model_file_unusable', details: { engine: 'mine', path } });
    expect(String((error as Error).message)).toMatch(problem);
    expect(String((error as Error).message)).toContain(`engine mine: its model ${path} `);
  });

  test.skipIf(process.getuid?.() !== 0)('because it may not be read', async () => {
    await using folder = await testFolder();
    await folder.write('x', gguf);
    await chmod(join(folder.path, 'x'), 0o600);
    await chmod(folder.path, 0o755);
    const module = new URL('../../../src/engines/model-file.ts', import.meta.url).pathname;
    const script = `
      const { ModelFile } = await import(process.argv[1]);
      const model = { path: process.argv[2], format: 'gguf', exclusive: false };
      await new ModelFile({ engine: 'mine', model }).check().catch((error) => console.log(error.message));
    `;
    const args = ['--input-type=module', '-e', script, module, join(folder.path, 'x')];
    const { stdout } = await promisify(execFile)(process.execPath, args, { uid: 65_534, gid: 65_534 });
    expect(stdout.trim()).toMatch(/may not be read by this user$/);
  });

  test('of which nobody knows the format is taken as it is', async () => {
    await using folder = await testFolder();
    const path = await folder.write('x', 'anything');
    const { file, log } = modelFile(path, { format: undefined });
    await file.check();
    expect(log).toEqual([]);
  });
});

describe('a model file that somebody else has', () => {
  test('is used all the same, and it is said who has it', async () => {
    await using folder = await testFolder();
    const path = await folder.write('x', gguf);
    await using other = await reader(path);
    const { file, log } = modelFile(path);
    await file.check();
    expect(log).toEqual([
      expect.stringMatching(
        `^engine mine: its model ${path} is also open by pid ${other.pid} \\(sleep 1000\\), .*; not one of greenroom's$`,
      ),
    ]);
  });

  test('is refused where it has to be exclusive, with who has it and the next step', async () => {
    await using folder = await testFolder();
    const path = await folder.write('x', gguf);
    await using other = await reader(path);
    await expect(modelFile(path, { exclusive: true }).file.check()).rejects.toMatchObject({
      code: 'model_file_unusable',
      message: expect.stringMatching(
        `is also open by pid ${other.pid} .*; \`exclusive\` wants it for this engine alone: end that, or take`,
      ),
    });
  });

  test('who was left behind by an engine of ours, is ended first', async () => {
    await using folder = await testFolder();
    const path = await folder.write('x', gguf);
    await using other = await reader(path, 'left');
    const reaped: number[] = [];
    const left: Left = {
      whose: () => ({ state: 'earlier' }),
      isLeft: ({ mark }) => mark.state === 'marked' && mark.marker === 'left',
      async reap({ pid }) {
        reaped.push(pid);
        process.kill(pid, 'SIGKILL');
        await until(async () => !(await holderOf(pid)), { ...soon, what: 'its end' });
        return 'gone';
      },
    };
    await modelFile(path, { exclusive: true, left }).file.check();
    expect(reaped).toEqual([other.pid]);
  });
});

describe('a model file that changes under an engine', () => {
  test.each<[string, (path: string) => Promise<unknown>, string]>([
    ['shrinks', (path) => truncate(path, 100), `has shrunk from ${gguf.length} to 100 bytes`],
    ['goes', (path) => rm(path), 'is gone'],
    [
      'is replaced',
      async (path) => {
        await (await open(`${path}.next`, 'w')).close();
        await rename(`${path}.next`, path);
      },
      'was replaced by another file',
    ],
  ])('because it %s is told, once', async (_, change, text) => {
    await using folder = await testFolder();
    const path = await folder.write('x', gguf);
    const clock = new VirtualClock();
    const { file, log } = modelFile(path, { clock });
    await file.check();
    await using scope = new Scope('test', { clock: systemClock });
    scope.spawn('watch', (signal) => file.watch(signal));
    await clock.advance(20_000);
    expect(log).toEqual([]);
    await change(path);
    const line = `engine mine: its model ${path} ${text} since its start; restart it`;
    await until(
      async () => {
        await clock.advance(5000);
        return log.length > 0;
      },
      { ...soon, what: 'the line' },
    );
    await clock.advance(60_000);
    expect(log).toEqual([line]);
    const { file: real } = modelFile(path);
    expect(await real.whatChanged()).toBe('');
  });

  test.each([
    // The file says nothing of a KILL from outside; of a crash it says more than the signal.
    ['SIGKILL', 'killed', / was ended by SIGKILL: the KILL came from outside .*; its model /],
    ['SIGBUS', 'model_changed', / was ended by SIGBUS; its model /],
  ] as const)('stands in what is told of its end by %s: %s', async (signal, cause, how) => {
    await using folder = await testFolder();
    const path = await folder.write('x', gguf);
    const model = { path, format: 'gguf', exclusive: false } as const;
    await using stage = await Supervised.start(program('http-engine.mjs', { model }));
    await stage.becomes('ready');
    const { pid } = stage;
    await truncate(path, 10);
    process.kill(pid, signal);
    await until(() => stage.engine.life.failure, { ...soon, what: 'the failure' });
    expect(stage.engine.life.failure?.cause).toBe(cause);
    const { message = '' } = stage.engine.life.failure ?? {};
    expect(message).toMatch(how);
    expect(message).toContain(`engine mine (pid ${pid}) was ended`);
    const change = `; its model ${path} has shrunk from ${gguf.length} to 10 bytes since its start`;
    expect(message.endsWith(change)).toBe(true);
    // At the next start it is no model any more.
    await stage.becomes('failed');
    expect(stage.engine.life.failure).toMatchObject({
      ...{ code: 'model_file_unusable', kind: 'lasting', cause: 'model_broken' },
    });
  });
});
