// `greenroom events` as it is used: the built command, in front of a gateway that is scripted.
import { execFileSync, spawn } from 'node:child_process';
import { readdir, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { command } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { bin } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';
import { Terminal } from '../support/terminal.ts';
import { nobodysUrl } from '../unit/client/fake-gateway.ts';
import { type FakeHub, fakeHub, type HubBehaviour, welcome } from '../unit/client/hub/fake-hub.ts';

const evil = 'x\u001b[2J\u202ey';

/** Sends so many at once, and more when it is asked again. */
const sending = (count: number): HubBehaviour => ({
  onWatch(watcher) {
    const since = Number(watcher.query.get('since')?.split('.')[1] ?? 0);
    watcher.control(welcome({ head: `one.${since}` }));
    for (let seq = since + 1; seq <= count; seq += 1) watcher.event(`one.${seq}`, 'machine.press', { seq });
  },
});

const run = (hub: FakeHub, ...args: readonly string[]) =>
  command(['events', '--url', hub.url, ...args], { cwd: '/' });

test('shows a line for each, and with --json what came, and ends after as many as were asked for', async () => {
  await using hub = await fakeHub(sending(5));
  const shown = await run(hub, 'machine.>', '--count', '3');
  expect([shown.code, shown.stdout.trim().split('\n').length]).toEqual([0, 3]);
  expect(shown.stdout).toMatch(/^\d\d:\d\d:\d\d\.\d{3} \+\S+ +machine\.press {8}\{"seq":1\}\n/);
  expect(shown.stderr).toMatch(/^── watching > at ws:\/\/127\.0\.0\.1:\d+\/v1\/events, from one\.0\n$/);
  expect(hub.watchers[0]?.query.get('topics')).toBe('machine.>');
  const json = await run(hub, '--json', '--count', '2', '--since', 'one.1', '--snapshot');
  expect(json.stdout).toBe(
    [2, 3]
      .map((seq) => `{"id":"one.${seq}","topic":"machine.press","ts":1,"data":{"seq":${seq}}}\n`)
      .join(''),
  );
  expect(hub.watchers[1]?.query.get('snapshot')).toBe('1');
});

test('who has seen enough, as `head` has, ends it: 0, however much comes', async () => {
  await using hub = await fakeHub(sending(20_000));
  const child = spawn('bash', [
    '-o',
    'pipefail',
    '-c',
    `"$0" "$1" events --url ${hub.url} --json | head -2`,
    process.execPath,
    bin,
  ]);
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk;
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  expect(out.trim().split('\n').length).toBe(2);
  expect([code, err]).toEqual([0, expect.stringMatching(/^── watching [^\n]*\n$/)]);
});

test('a gateway that goes and comes again: it is looked for, said so, and nothing is missing or twice', async () => {
  await using folder = await testFolder();
  const first = await fakeHub(sending(2));
  const port = Number(new URL(first.url).port);
  const child = spawn(process.execPath, [bin, 'events', '--url', first.url, '--json', '--count', '5'], {
    cwd: folder.path,
  });
  let out = '';
  let err = '';
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk;
  });
  const two = Promise.withResolvers<void>();
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk;
    if (out.split('\n').length > 2) two.resolve();
  });
  const ended = new Promise((resolve) => child.on('close', resolve));
  await two.promise;
  await first[Symbol.asyncDispose]();
  await using _ = await fakeHub(sending(5), port);
  expect(await ended).toBe(0);
  const ids = out
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { id: string }).id);
  expect(ids).toEqual(['one.1', 'one.2', 'one.3', 'one.4', 'one.5']);
  expect(err).toMatch(
    /── .*; the gateway is looked for, Ctrl\+C ends\n── back after .*; nothing was missed\n$/,
  );
});

test('nobody there: 69, with the address and the next step, as JSON too; bad usage: 2', async () => {
  const url = await nobodysUrl();
  const gone = await command(['events', '--url', url, '--json'], { cwd: '/' });
  expect(gone.code).toBe(69);
  expect(gone.events()).toEqual([
    {
      event: 'failed',
      engine: null,
      code: 'gateway_unreachable',
      message: expect.stringContaining('greenroom up'),
    },
  ]);
  expect(gone.stderr).toContain(new URL(url).host);
  for (const args of [
    ['--count', '0'],
    ['--since', '12'],
    ['--topic', 'a'],
    ['--url', 'nonsense'],
  ]) {
    const bad = await command(['events', '--url', url, ...args], { cwd: '/' });
    expect([bad.code, bad.stderr]).toEqual([2, expect.stringContaining('bad_usage')]);
  }
});

test('on a terminal: colours, lines that fit, gaps that stand out; nothing of others is obeyed; Ctrl+C is 0', async () => {
  await using hub = await fakeHub({
    onWatch(watcher) {
      watcher.control(welcome());
      watcher.event('one.1', `a${evil}`, { text: evil.repeat(50) });
      watcher.control({ type: 'gap', from: 'one.2', to: 'one.4', count: 3, reason: 'slow' });
      watcher.control({ type: 'error', code: evil, message: evil });
      watcher.event('one.5', 'b', { last: true });
    },
  });
  for (const env of [{}, { NO_COLOR: '1' }]) {
    await using terminal = await Terminal.run([process.execPath, bin, 'events', '--url', hub.url], env);
    await terminal.shows('"last":true');
    expect(terminal.text).toContain('── 3 events are missing, from one.2 to one.4: too slow for all of them');
    const colours = terminal.raw.match(/\u001b\[\d+m/g) ?? [];
    expect(colours.length > 4).toBe(!('NO_COLOR' in env));
    expect(terminal.raw.replaceAll(/\u001b\[[\d;]*m/g, '')).not.toMatch(/(?![\r\n])\p{Cc}|[\u202a-\u202e]/u);
    for (const line of terminal.text.split('\r\n').filter((one) => !one.startsWith('──')))
      expect(line.length).toBeLessThan(100);
    terminal.pty.write('\u0003');
    expect((await terminal.exited).exitCode).toBe(0);
  }
});

test('publishes what comes through a pipe, and says what was refused: 1', async () => {
  await using hub = await fakeHub({
    onPost: ({ body }) => {
      const accepted = body.trim().split('\n').length - 1;
      const rejected = [{ line: 2, code: 'invalid_event', message: evil }];
      return { status: 200, body: { accepted, id: 'one.7', rejected } };
    },
  });
  const child = spawn(process.execPath, [bin, 'events', '--url', hub.url, '--publish', '-', '--json']);
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk;
  });
  child.stdin.end('{"n":1}\nnonsense\n{"n":3}\n');
  const code = await new Promise((resolve) => child.on('close', resolve));
  expect(code).toBe(1);
  expect(
    out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object),
  ).toEqual([
    { event: 'refused', line: 2, code: 'invalid_event', message: evil },
    { event: 'published', accepted: 2, refused: 1, id: 'one.7' },
  ]);
});

test('publishes from a named pipe, whoever writes to it and when; Ctrl+C ends the wait for that', async () => {
  await using folder = await testFolder();
  const pipe = join(folder.path, 'pipe');
  execFileSync('mkfifo', [pipe]);
  await using hub = await fakeHub({
    onPost: ({ body }) => ({
      status: 200,
      body: { accepted: body.trim().split('\n').length, id: 'one.2', rejected: [] },
    }),
  });
  const publishing = () => {
    const child = spawn(process.execPath, [bin, 'events', '--url', hub.url, '--publish', pipe, '--json']);
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk;
    });
    const ended = new Promise<readonly [number | null, string]>((resolve) =>
      child.on('close', (code) => resolve([code, out])),
    );
    return { child, ended, [Symbol.dispose]: () => void child.kill('SIGKILL') };
  };
  using told = publishing();
  await writeFile(pipe, '{"n":1}\n{"n":2}\n');
  expect(await told.ended).toEqual([0, '{"event":"published","accepted":2,"refused":0,"id":"one.2"}\n']);
  using waiting = publishing();
  await until(() => hasOpen(waiting.child.pid, pipe), { timeoutMs: 10_000, what: 'the pipe to be open' });
  waiting.child.kill('SIGINT');
  expect(await waiting.ended).toEqual([0, expect.stringContaining('"accepted":0')]);
}, 40_000);

/** Of a process. */
async function hasOpen(pid: number | undefined, path: string): Promise<boolean> {
  const folder = `/proc/${pid}/fd`;
  const files = await Promise.all(
    (await readdir(folder)).map((fd) => readlink(join(folder, fd)).catch(() => undefined)),
  );
  return files.includes(path);
}
