// What is different between two configurations, and what holds from now on.
import { expect, test } from 'vitest';
import { appliedOver, differencesOf, isSameEngine } from '../../../src/config/differences.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { testFolder } from '../../support/folder.ts';

async function configOf(yaml: string, env: Readonly<Record<string, string>> = {}) {
  await using folder = await testFolder();
  await folder.write('greenroom.yaml', yaml);
  const { config } = await loadConfig({ env, cwd: folder.path, data: '/somewhere' });
  // Paths start from the folder, which is another each time.
  return config;
}

const base = `
engines:
  voice: { builtin: flite }
  ears: { url: "http://127.0.0.1:9", key: env:KEY }
  activity: { builtin: silero }
pipelines:
  default: { kind: echo, speak: voice, vad: activity }
`;

test('the same file is the same, and a secret that is another is a difference that does not show it', async () => {
  const one = await configOf(base, { KEY: 'first-secret' });
  expect(differencesOf(one, await configOf(base, { KEY: 'first-secret' }))).toEqual([]);
  const other = await configOf(base, { KEY: 'second-secret' });
  const differences = differencesOf(one, other);
  expect(differences).toEqual([{ path: 'engines.ears', change: 'changed', keys: ['key'], applies: 'now' }]);
  expect(JSON.stringify(differences)).not.toContain('secret');
});

test('engines and pipelines are told by name, with what is different in them', async () => {
  const one = await configOf(base, { KEY: 'a-secret' });
  const other = await configOf(
    base
      .replace(
        '{ builtin: silero }',
        '{ builtin: silero, idle: 5m }\n  more: { builtin: flite, start: lazy }',
      )
      .replace(
        'vad: activity }',
        'vad: activity, instructions: "Be kind." }\n  second: { kind: echo, speak: voice, vad: activity }',
      ),
    { KEY: 'a-secret' },
  );
  expect(differencesOf(one, other)).toEqual([
    { path: 'engines.activity', change: 'changed', keys: ['idle'], applies: 'now' },
    { path: 'engines.more', change: 'added', keys: [], applies: 'now' },
    { path: 'pipelines.default', change: 'changed', keys: ['instructions'], applies: 'now' },
    { path: 'pipelines.second', change: 'added', keys: [], applies: 'now' },
  ]);
  expect(differencesOf(other, one).map(({ change }) => change)).toEqual([
    ...['changed', 'removed', 'changed', 'removed'],
  ]);
});

test('what is read at a start alone stays as it was, and is told again', async () => {
  const env = { KEY: 'a-secret', TOKEN: 'a-token' };
  const one = await configOf(base, env);
  const other = await configOf(
    `${base}
listen: 127.0.0.1:7999
auth: { admin: [env:TOKEN] }
sessions: { max: 3, drain: 1m, lobby: { wait: 5s } }
log: { level: debug, keep: 1 }
limits: { connections: 99 }
`,
    env,
  );
  const told = differencesOf(one, other).map(({ path, applies }) => `${path} ${applies}`);
  expect(told.sort()).toEqual(
    [
      ...['sessions.max now', 'sessions.drain now', 'sessions.lobby start', 'limits.connections now'],
      ...['log.level now', 'log.keep start', 'listen start', 'auth start'],
    ].sort(),
  );
  const applied = appliedOver(one, other);
  expect(applied).toMatchObject({
    listen: one.listen,
    sessions: { max: 3, drainMs: 60_000, lobby: one.sessions.lobby },
    log: { level: 'debug', keep: one.log.keep },
  });
  expect(differencesOf(applied, other).every(({ applies }) => applies === 'start')).toBe(true);
});

test('what a pipeline needs of a worker makes it no other engine', async () => {
  const { engines } = await configOf(base, { KEY: 'a-secret' });
  const worker = { ...engines['voice'], kind: 'worker', worker: '/a.mjs', isolate: 'process' } as never;
  const needed = (by: string) => ({ ...(worker as object), needed: [{ capability: 'speak', by }] }) as never;
  expect(isSameEngine(needed('pipelines.a.speak'), needed('pipelines.b.speak'))).toBe(true);
  expect(isSameEngine(worker, { ...(worker as object), worker: '/b.mjs' } as never)).toBe(false);
});
