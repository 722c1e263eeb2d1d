// What a gateway is asked from another terminal, and at its own prompt: status, sessions, restart, reload.
import { expect, test } from 'vitest';
import { Caller } from '../support/caller.ts';
import { command } from '../support/command.ts';
import { GatewayPipeline } from '../support/gateway-pipeline.ts';
import { fixture, GatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';
import { alive, familyOf } from '../support/processes.ts';
import { Terminal } from '../support/terminal.ts';

const engines = {
  voice: {
    run: [process.execPath, fixture('engines/obeys-file.mjs'), '--port', '${port}'],
    offers: ['speak'],
  },
  activity: { builtin: 'silero' },
};
const config = { engines, pipelines: { default: { kind: 'echo', speak: 'voice', vad: 'activity' } } };

const start = (more: object = {}) =>
  GatewayProcess.start({
    config: { ...config, ...more },
    prepare: async (folder) => void (await folder.write('mode', 'good')),
  });

test('the commands find the gateway of their folder, and say what it says', async () => {
  await using gateway = await start();
  await gateway.event('ready');
  const at = { cwd: gateway.folder.path };
  await using caller = await Caller.call(await gateway.url());
  await caller.lobby('ready');
  const status = await command(['status'], at);
  expect(status.code).toBe(0);
  expect(status.stdout).toContain(`healthy, pid ${gateway.pid}, sessions: 1`);
  expect(status.stdout).toMatch(/default +echo +ready +generation 1, 1 session/);
  const json = await command(['status', '--json'], at);
  expect(json.events().map(({ event }) => event)).toEqual(['status', 'engine', 'engine', 'pipeline']);
  const sessions = await command(['sessions'], at);
  expect(sessions.stdout).toMatch(/sess_\w+ +default \(generation 1\) +ready/);
  const restarted = await command(['restart', '--engines', '--json'], at);
  expect(restarted.code).toBe(0);
  expect(restarted.events()).toMatchObject([
    { event: 'restarted', generation: 2, engines: [{ way: 'beside' }, { way: 'beside' }] },
    { event: 'ready', pipeline: 'default', generation: 2 },
  ]);
  const again = await command(['restart', 'default'], at);
  expect(again.stderr).toContain('generation 3 is current; 1 session of before goes on');
  expect(again.stderr).toContain('generation 3 is ready');
});

test('a restart that fails, or makes no sense, ends with its code', async () => {
  await using gateway = await start();
  await gateway.event('ready');
  const at = { cwd: gateway.folder.path };
  const unknown = await command(['restart', 'nobody'], at);
  expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining('[not_found]') });
  expect(unknown.stderr).toContain('no pipeline is called "nobody"; there are default');
  expect((await command(['restart', '--mode', 'slowly'], at)).code).toBe(2);
  await gateway.folder.write('mode', 'fail');
  const failed = await command(['restart', '--engines', '--mode', 'seamless'], at);
  expect(failed.code).toBe(69);
  expect(failed.stderr).toMatch(/engine voice.* \[engine_\w+\]/);
  expect(await new GatewayPipeline(gateway).generations()).toEqual([[1, 'current']]);
  expect((await command(['status', '--data', 'elsewhere'], at)).code).toBe(69);
});

test('a reload shows what is different, and does it', async () => {
  await using gateway = await start();
  await gateway.event('ready');
  const at = { cwd: gateway.folder.path };
  expect((await command(['reload'], at)).stdout).toContain('greenroom.json: nothing is different');
  await gateway.folder.write(
    'greenroom.json',
    JSON.stringify({
      ...config,
      shutdown: { total: '5s' },
      pipelines: { default: { ...config.pipelines.default, instructions: 'Be kind.' } },
    }),
  );
  const dry = await command(['reload', '--dry-run'], at);
  expect(dry.stdout).toContain('greenroom.json: what is different');
  expect(dry.stdout).toContain('pipelines.default changed (instructions)');
  expect(dry.stdout).toContain('shutdown changed: holds only from the next start');
  expect(await new GatewayPipeline(gateway).generations()).toEqual([[1, 'current']]);
  const done = await command(['reload', '--json'], at);
  expect(done.events()).toMatchObject([{ event: 'reloaded', applied: true, pipelines: [{ generation: 2 }] }]);
  await gateway.folder.write('greenroom.json', '{ "pipelines": 5 }');
  const broken = await command(['reload'], at);
  expect(broken.code).toBe(2);
  expect(broken.stderr).toMatch(/greenroom\.json:1:\d+ .*\[config_invalid\]/s);
});

test('with tokens, only who has one of the administrator may', async () => {
  await using gateway = await start({ auth: { tokens: ['caller-token'], admin: ['admin-token'] } });
  await gateway.event('ready');
  const at = { cwd: gateway.folder.path };
  const refused = await command(['restart'], at);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('--token, or GREENROOM_ADMIN_TOKEN');
  expect((await command(['restart', '--token', 'caller-token'], at)).code).toBe(1);
  expect((await command(['restart'], { ...at, env: { GREENROOM_ADMIN_TOKEN: 'admin-token' } })).code).toBe(0);
});

test('the prompt restarts and reloads, names what it does not know, and quit leaves nothing behind', async () => {
  await using terminal = await Terminal.up();
  await terminal.shows('greenroom> ');
  terminal.pty.write('restart --engines\r');
  await terminal.shows('pipeline echo: generation 2 is current');
  terminal.pty.write('restart nobody\r');
  await terminal.shows('restart: no pipeline is called "nobody"; there are echo [not_found]');
  terminal.pty.write('restart echo --gently\r');
  await terminal.shows('restart has no option --gently');
  terminal.pty.write('restart echo --seamless\r');
  await terminal.shows('generation 3 is ready, and current');
  terminal.pty.write('reload\r');
  await terminal.shows('the embedded default: nothing is different');
  await terminal.folder.write('greenroom.yaml', 'pipelines:\n  echo: { kind: echo, speek: voice }\n');
  terminal.pty.write('reload\r');
  await terminal.shows('greenroom.yaml:2:');
  terminal.pty.write('help\r');
  await terminal.shows('restart [PIPELINE] [--engines] [--seamless]');
  const family = await familyOf(terminal.pty.pid);
  expect(family.length).toBeGreaterThan(0);
  terminal.pty.write('quit\r');
  expect(await terminal.exited).toMatchObject({ exitCode: 0 });
  expect(terminal.text).toContain('leaving (quit)');
  await until(() => family.every((pid) => !alive(pid)), { timeoutMs: 5000, what: 'the family to be gone' });
});
