// `exec` for real: its codes, its output, and that nothing is left after any of its ends.
import { spawn } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { afterEach, expect, test } from 'vitest';
import { command } from '../support/command.ts';
import { type TestFolder, testFolder } from '../support/folder.ts';
import { bin, fixture } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';
import { alive, familyOf } from '../support/processes.ts';
import { Terminal } from '../support/terminal.ts';

const engine = (env: Readonly<Record<string, string>> = {}) => ({
  run: [process.execPath, fixture('engines/http-engine.mjs'), '--port', '${port}'],
  offers: ['speak'],
  env,
});
const only = (changes: object) => ({ engines: { 'my-llm': { ...engine(), ...changes } }, pipelines: {} });

async function withConfig(config: object): Promise<TestFolder> {
  const folder = await testFolder();
  await folder.write('greenroom.json', JSON.stringify(config));
  return folder;
}

const folders = async () => (await readdir(tmpdir())).filter((name) => name.startsWith('greenroom-exec-'));
const before = await folders();

afterEach(async () => {
  expect(await folders(), 'folders of exec').toEqual(before);
  await until(async () => (await familyOf(process.pid)).length === 0, {
    timeoutMs: 5000,
    what: 'every child of this test to be gone',
  });
});

test('the command finds the engines in its environment, ready; its output and code are ours', async () => {
  await using folder = await withConfig(only({ env: { LOAD_MS: '300' } }));
  const script = `
    const { GREENROOM_URL: url, GREENROOM_INSTANCE: mark, ...env } = process.env;
    const health = await fetch(env.GREENROOM_ENGINE_MY_LLM_DIRECT_URL + '/health');
    const engines = await (await fetch(url + '/v1/health')).json();
    console.log(JSON.stringify({ health: health.status, state: engines.engines[0].state, mark, url,
      base: env.GREENROOM_OPENAI_BASE_URL, through: env.GREENROOM_ENGINE_MY_LLM_URL }));
    process.exit(7);`;
  const { code, stdout, stderr } = await command(
    ['exec', '--', process.execPath, '--input-type=module', '-e', script],
    {
      cwd: folder.path,
      env: { GREENROOM_INSTANCE: 'of somebody else' },
    },
  );
  expect(stderr).toContain('engine my-llm  ready');
  const said = JSON.parse(stdout);
  expect(said).toEqual({
    ...{ health: 200, state: 'ready', url: said.url },
    ...{ base: `${said.url}/v1`, through: `${said.url}/engines/my-llm` },
  });
  expect(code).toBe(7);
});

test('an engine that does not become ready: 69 at its first exit, its last lines, and the command is not run', async () => {
  await using folder = await withConfig(
    only({ run: ['sh', '-c', 'echo "the weights are gone" >&2; exit 3'] }),
  );
  const { code, stdout, stderr } = await command(['exec', '--', 'echo', 'never'], { cwd: folder.path });
  expect(code).toBe(69);
  expect(stdout).toBe('');
  expect(stderr).toMatch(/engine my-llm failed: .*code 3/);
  expect(stderr).toContain('| the weights are gone');
  expect(stderr).toContain('the command was not run: my-llm is failed');
});

test("somebody else's engine that is not there: 69 at the first look, with its reason", async () => {
  await using folder = await withConfig({
    // The discard port: nobody listens there.
    engines: { theirs: { url: 'http://127.0.0.1:9', offers: ['chat'] } },
    pipelines: {},
  });
  const { code, stdout, stderr } = await command(['exec', '--', 'echo', 'never'], { cwd: folder.path });
  expect(stderr).toContain('the command was not run: theirs is failed');
  expect(stderr).toContain('ECONNREFUSED 127.0.0.1:9');
  expect([code, stdout]).toEqual([69, '']);
});

test.each([
  ['ends when it is asked', ''],
  ['ignores TERM', "trap '' TERM; "],
])('what a shell was waiting for and %s goes with it', async (_, trap) => {
  await using folder = await withConfig(only({}));
  const nested = `${trap}echo there; while :; do sleep 0.1; done`;
  const child = spawn(process.execPath, [bin, 'exec', '--', 'sh', '-c', `sh -c "${nested}"; true`], {
    cwd: folder.path,
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk;
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  await until(() => said.includes('there'), { timeoutMs: 20_000, what: 'the command' });
  const family = await familyOf(child.pid ?? 0);
  child.kill('SIGTERM');
  expect(await exited).toBe(143);
  expect(family.filter(alive)).toEqual([]);
});

test('an engine that dies while the command runs: 70, why, and the command is ended', async () => {
  await using folder = await withConfig(only({}));
  const script = `
    const { engines } = await (await fetch(process.env.GREENROOM_URL + '/v1/health')).json();
    process.kill(engines[0].pid, 'SIGKILL');
    setInterval(() => {}, 1000);`;
  const { code, stderr } = await command(
    ['exec', '--', process.execPath, '--input-type=module', '-e', script],
    {
      cwd: folder.path,
    },
  );
  expect(stderr).toMatch(/engine my-llm failed: .*SIGKILL/);
  expect(stderr).toContain('the command was ended (SIGTERM)');
  expect(code).toBe(70);
});

test.each([
  ['not found', 127, ['no-such-program-here']],
  ['may not be executed', 126, ['./greenroom.json']],
  ['not found', 127, ['/etc/passwd/x']],
  ['it is empty', 127, ['']],
  ['spawn ENAMETOOLONG', 126, ['x'.repeat(300)]],
])('a command that is %s: code %i, as shells have it', async (why, expected, argv) => {
  await using folder = await withConfig(only({}));
  const { code, stderr } = await command(['exec', '--', ...argv], { cwd: folder.path });
  expect(stderr).toContain(`cannot run "${argv[0]}": ${why}`);
  expect(code).toBe(expected);
});

test('named engines alone are started; one that there is not is told with those there are', async () => {
  await using folder = await withConfig({
    engines: { good: engine(), bad: { run: ['false'] } },
    pipelines: {},
  });
  const good = await command(['exec', '--engine', 'good', '--json', '--', 'true'], { cwd: folder.path });
  expect(good).toMatchObject({ code: 0, stdout: '' });
  expect(good.stderr).not.toContain('bad');
  const unknown = await command(['exec', '--engine', 'goood', '--', 'true'], { cwd: folder.path });
  expect(unknown.code).toBe(2);
  expect(unknown.stderr).toContain('there are: good, bad');
});

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
  '%s while the command runs is its own as well; its code is ours',
  async (signal) => {
    await using folder = await withConfig(only({}));
    const script = `process.on('${signal}', () => { console.log('heard'); process.exit(9); }); console.log('there'); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, [bin, 'exec', '--', process.execPath, '-e', script], {
      cwd: folder.path,
    });
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk;
    });
    const exited = new Promise((resolve) => child.once('exit', resolve));
    await until(() => said.includes('there'), { timeoutMs: 20_000, what: 'the command' });
    const family = await familyOf(child.pid ?? 0);
    child.kill(signal);
    expect(await exited).toBe(9);
    expect(said).toBe('there\nheard\n');
    await until(() => family.every((pid) => !alive(pid)), { timeoutMs: 3000, what: `${family} to be gone` });
  },
);

test('a signal that a wrapper passes on as well is one: the command has its time', async () => {
  await using folder = await withConfig(only({}));
  const script = `process.on('SIGINT', () => { console.log('heard'); setInterval(() => process.exit(9), 300); }); console.log('there'); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, [bin, 'exec', '--', process.execPath, '-e', script], {
    cwd: folder.path,
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk;
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  await until(() => said.includes('there'), { timeoutMs: 20_000, what: 'the command' });
  child.kill('SIGINT');
  await until(() => said.includes('heard'), { timeoutMs: 3000, what: 'the signal' });
  child.kill('SIGINT');
  expect(await exited).toBe(9);
});

test('a signal before the command runs: it is not run, and the code says the signal', async () => {
  await using folder = await withConfig(only({ env: { LOAD_MS: '60000' } }));
  const child = spawn(process.execPath, [bin, 'exec', '--', 'echo', 'never'], { cwd: folder.path });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk;
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  await until(() => err.includes('starting'), { timeoutMs: 20_000, what: 'the start' });
  child.kill('SIGTERM');
  expect(await exited).toBe(143);
  expect(out).toBe('');
});

test('asked twice while an engine does not leave: 3, and neither the engine nor the folder is left', async () => {
  const stays = "trap '' TERM; echo up; while :; do sleep 0.1; done";
  await using folder = await withConfig(only({ run: ['sh', '-c', stays], ready: { log: 'never' } }));
  const child = spawn(process.execPath, [bin, 'exec', '--', 'echo', 'never'], { cwd: folder.path });
  let err = '';
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk;
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  await until(() => err.includes('(alive)'), { timeoutMs: 20_000, what: 'the engine' });
  const family = await familyOf(child.pid ?? 0);
  // What comes within 500 ms of the first is the same request.
  const again = setInterval(() => child.kill('SIGINT'), 100);
  expect(await exited).toBe(3);
  clearInterval(again);
  expect(err).toContain('forced exit (asked again');
  await until(() => !family.some(alive), { timeoutMs: 3000, what: `${family} to be gone` });
});

test('Ctrl+C in a terminal reaches the command once; what does not end by it is killed by the second', async () => {
  await using folder = await withConfig(only({}));
  const script = `let count = 0; process.on('SIGINT', () => console.log('heard ' + ++count)); console.log('the' + 're'); setInterval(() => {}, 1000);`;
  const config = `${folder.path}/greenroom.json`;
  await using terminal = await Terminal.run([
    process.execPath,
    bin,
    'exec',
    '-c',
    config,
    '--',
    process.execPath,
    '-e',
    script,
  ]);
  await terminal.shows('there');
  terminal.pty.write('\u0003');
  await terminal.shows('heard 1');
  // What comes within 500 ms of the first is the same request.
  const again = setInterval(() => terminal.pty.write('\u0003'), 100);
  expect(await terminal.exited).toMatchObject({ exitCode: 137 });
  clearInterval(again);
});

test('beside a gateway of the same configuration it has a folder and a port of its own', async () => {
  await using folder = await withConfig(only({}));
  const child = spawn(process.execPath, [bin, 'up', '--json', '--listen', '127.0.0.1:0'], {
    cwd: folder.path,
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk;
  });
  await until(() => said.includes('"ready"'), { timeoutMs: 20_000, what: 'the gateway' });
  const runs = await Promise.all([1, 2].map(() => command(['exec', '--', 'true'], { cwd: folder.path })));
  expect(runs.map(({ code }) => code)).toEqual([0, 0]);
  child.kill('SIGTERM');
  expect(await exited).toBe(0);
});

test('a gateway that is told to leave while the command runs takes the command with it', async () => {
  await using folder = await withConfig(only({}));
  const script =
    "process.on('SIGTERM', () => process.exit(5)); fetch(process.env.GREENROOM_URL + '/api/shutdown', { method: 'POST' }); setInterval(() => {}, 1000)";
  const { code } = await command(['exec', '--', process.execPath, '-e', script], { cwd: folder.path });
  expect(code).toBe(5);
});

test('kill -9 of exec leaves no engine', async () => {
  await using folder = await withConfig(only({}));
  const child = spawn(
    process.execPath,
    [bin, 'exec', '--data', 'here', '--', process.execPath, '-e', 'console.log(1); process.stdin.resume()'],
    { cwd: folder.path },
  );
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk;
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  await until(() => said !== '', { timeoutMs: 20_000, what: 'the command' });
  const family = await familyOf(child.pid ?? 0);
  child.kill('SIGKILL');
  await exited;
  await until(() => family.filter(alive).length <= 1, {
    timeoutMs: 3000,
    what: 'all but the command to be gone',
  });
  child.stdin.end();
  await until(() => !family.some(alive), { timeoutMs: 5000, what: 'the command to end by itself' });
});
