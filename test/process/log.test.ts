// The logs of a running gateway: what they say of clean-up, and that they are bounded.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Caller } from '../support/caller.ts';
import { fixture, GatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';

type Line = Readonly<Record<string, unknown>> & { readonly msg: string };

const engines = {
  voice: { worker: fixture('gateway/tone.mjs') },
  activity: { builtin: 'silero' },
};
const pipelines = { default: { kind: 'echo', speak: 'voice', vad: 'activity' } };

async function logOf(gateway: GatewayProcess): Promise<readonly Line[]> {
  const folder = join(gateway.folder.path, '.greenroom', 'logs');
  const names = (await readdir(folder)).sort((a, b) => b.localeCompare(a, 'en', { numeric: true }));
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
  return texts
    .join('')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
}

test('log.cleanup tells the time of every release: of a session, and of the whole gateway when it leaves', async () => {
  const config = { engines, pipelines, log: { cleanup: true } };
  await using gateway = await GatewayProcess.start({ config });
  await gateway.event('ready');
  const first = await Caller.call(await gateway.url());
  await first.event('session.created');
  first.socket.close();
  await first.ended();
  await using second = await Caller.call(await gateway.url());
  await second.event('session.created');
  gateway.child.kill('SIGTERM');
  expect((await gateway.exited).code).toBe(0);

  const lines = await logOf(gateway);
  const releases = lines.filter(({ msg }) => msg.startsWith('release '));
  for (const { kind, result, ms } of releases)
    expect([typeof kind, result, Number(ms) >= 0]).toEqual(['string', 'done', true]);
  const paths = releases.map(({ path }) => String(path).replace(/sess_[^/]+/, 'SESSION'));
  const session = ['registry entry', 'pipeline session', 'seat/leg 1/transport'].map(
    (name) => `gateway/sessions/SESSION/${name}`,
  );
  for (const path of [...session, 'gateway/sessions/SESSION'])
    expect(paths.filter((each) => each === path)).toHaveLength(2);
  // Of each engine its run, then itself; then what the gateway itself has, but for what the log is in.
  for (const name of ['voice', 'activity'])
    expect(paths).toEqual(
      expect.arrayContaining([
        `gateway/engines/${name}/instance 1/running`,
        `gateway/engines/${name}/instance 1`,
        `gateway/engines/${name}`,
      ]),
    );
  expect(paths).toEqual(
    expect.arrayContaining(['gateway/sessions', 'gateway/engines', 'gateway/instruments']),
  );
  const own = (path: string) => paths.indexOf(path);
  expect(own('gateway/engines')).toBeGreaterThan(own('gateway/engines/voice'));
  expect(lines.at(-1)?.msg).toMatch(/^left but for this log/);
});

test('without log.cleanup no release is told', async () => {
  await using gateway = await GatewayProcess.start({ config: { engines, pipelines } });
  await gateway.event('ready');
  gateway.child.kill('SIGTERM');
  await gateway.exited;
  expect((await logOf(gateway)).filter(({ msg }) => msg.startsWith('release '))).toEqual([]);
});

test('the log and the engines logs are followed by new ones when they are full', async () => {
  const noisy = { run: [process.execPath, fixture('engines/floods-stdout.mjs'), '--port', '${port}'] };
  const config = {
    engines: { ...engines, noisy: { ...noisy, ready: { log: 'no such line', stall: '60s', total: '60s' } } },
    pipelines,
    log: { size: '64KiB', keep: 2, level: 'debug', cleanup: true },
  };
  await using gateway = await GatewayProcess.start({ config });
  const folder = join(gateway.folder.path, '.greenroom', 'engines', 'noisy');
  const files = () => readdir(folder).catch(() => []);
  await until(async () => (await files()).length === 3, { timeoutMs: 10_000, what: 'three files' });
  const url = await gateway.url();
  for (let call = 0; call < 60; call += 1) {
    const caller = await Caller.call(url);
    await caller.event('session.created');
    caller.socket.close();
    await caller.ended();
  }
  gateway.child.kill('SIGTERM');
  await gateway.exited;
  expect(await files()).toHaveLength(3);
  const logs = await readdir(join(gateway.folder.path, '.greenroom', 'logs'));
  expect(logs).toContain('greenroom.log.1');
  // Every line is whole.
  expect((await logOf(gateway)).at(-1)?.msg).toMatch(/^left but for this log/);
});
