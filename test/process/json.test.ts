// `--json`: whatever a command has to say, and whatever keeps it from its work, every line of standard output is one
// object with an `event`, of those that README.md has in its table.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { command, type Ended } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { fixture, GatewayProcess } from '../support/gateway-process.ts';

/** Event → the keys it always has. */
async function eventTable(): Promise<ReadonlyMap<string, readonly string[]>> {
  const readme = await readFile(fileURLToPath(new URL('../../README.md', import.meta.url)), 'utf8');
  const rows = readme.matchAll(/^\| `(\w+)` +\| ([^|]+)\| ([^|]+)\|$/gm);
  return new Map(
    [...rows].map(([, event = '', , keys = '']) => [
      event,
      [...keys.matchAll(/`(\w+)`/g)].map(([, key = '']) => key),
    ]),
  );
}

async function expectEvents(ended: Pick<Ended, 'events'>, names: readonly string[]): Promise<void> {
  const table = await eventTable();
  const events = ended.events();
  expect(events.map(({ event }) => event)).toEqual(expect.arrayContaining([...names]));
  for (const event of events) {
    const keys = table.get(event.event);
    expect(keys, `README.md has no event ${event.event}`).toBeDefined();
    expect(Object.keys(event), event.event).toEqual(expect.arrayContaining([...(keys ?? [])]));
  }
}

const config = {
  engines: {
    voice: { worker: fixture('gateway/tone.mjs') },
    activity: { worker: fixture('engines/hears.mjs') },
    broken: { run: ['no-such-program-anywhere'] },
  },
  pipelines: {
    default: { kind: 'echo', speak: 'voice', vad: 'activity' },
    broken: { kind: 'echo', speak: 'voice', vad: 'activity', needs: ['broken'] },
  },
};

test('of every command, about a gateway that runs', async () => {
  await using gateway = await GatewayProcess.start({ config });
  await gateway.event('failed');
  const cwd = gateway.folder.path;
  const run = (...args: string[]) => command([...args, '--json'], { cwd });
  await expectEvents(await run('ps'), ['gateway', 'engine']);
  await expectEvents(await run('wait'), ['failed']);
  await expectEvents(await run('talk', '--text', 'hello'), ['open', 'lobby', 'answer', 'closed']);
  await expectEvents(await run('talk', '--text', 'hello', '--model', 'broken'), [
    'open',
    'lobby',
    'error',
    'closed',
  ]);
  await expectEvents(await run('stop'), ['asked', 'shutdown', 'stopped']);
  await gateway.exited;
  await expectEvents({ events: () => gateway.events }, [
    'listening',
    'engine',
    'failed',
    'leaving',
    'shutdown',
  ]);
});

test('of a gateway that is ready, and of who waits for it', async () => {
  const { broken: _engine, ...engines } = config.engines;
  const { broken: _pipeline, ...pipelines } = config.pipelines;
  await using gateway = await GatewayProcess.start({ config: { engines, pipelines } });
  await expectEvents(await command(['wait', '--json'], { cwd: gateway.folder.path }), ['ready']);
  await gateway.event('ready');
  await expectEvents({ events: () => gateway.events }, ['listening', 'engine', 'ready']);
});

test.each([
  [['wait', '--timeout', '50ms'], 69, 'not_ready'],
  [['wait', '--timeout', 'soon'], 2, 'bad_usage'],
  [['wait', '--url', 'nowhere'], 2, 'bad_usage'],
  [['talk', '--text', 'hello'], 69, 'gateway_unreachable'],
  [['talk', '--file', 'a.wav', '--mic', 'x'], 2, 'bad_usage'],
  [['stop', '--timeout', 'soon'], 2, 'bad_usage'],
  [['ps', '--url', 'nowhere'], 2, 'bad_usage'],
  [['ps', '--frob'], 2, 'bad_usage'],
  [['frob'], 2, 'bad_usage'],
  [['up', '-c', 'missing.yaml'], 2, 'config_not_found'],
  [['up', '--set', 'colour=red'], 2, 'config_invalid'],
  [['up', '--set', 'auth.tokens=["env:NOT_SET_ANYWHERE"]'], 2, 'secret_missing'],
  [['up', '--data', '/dev/null/x', '--listen', '127.0.0.1:0'], 2, 'data_directory_unusable'],
])('of what keeps %j from its work is `failed`, and its exit code is %i', async (args, code, reason) => {
  await using folder = await testFolder();
  const ended = await command([...args, '--json'], { cwd: folder.path });
  expect(ended.code).toBe(code);
  expect(ended.events().at(-1)).toMatchObject({ event: 'failed', engine: null, code: reason });
  expect(ended.stderr).not.toBe('');
  await expectEvents(ended, ['failed']);
});

test('of a folder where nothing runs is an event too, not a failure', async () => {
  await using folder = await testFolder();
  const shown = await command(['ps', '--json'], { cwd: folder.path });
  expect([shown.code, ...shown.events()]).toMatchObject([69, { event: 'gateway', state: 'none' }]);
  const stopped = await command(['stop', '--json', '--data', join(folder.path, 'no')], { cwd: folder.path });
  expect([stopped.code, ...stopped.events()]).toMatchObject([0, { event: 'stopped', how: 'absent' }]);
});
