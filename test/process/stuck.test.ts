// What will not go by being asked: still gone in time, and named.
import { readdir, readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { Caller } from '../support/caller.ts';
import { fixture, GatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';
import { alive, commandOf } from '../support/processes.ts';

const activity = { builtin: 'silero' };
const pipelines = { default: { kind: 'echo', speak: 'voice', vad: 'activity' } };
const stubborn = {
  engines: {
    voice: { builtin: 'flite' },
    activity,
    mule: { run: [process.execPath, fixture('gateway/http-engine.mjs'), '--stubborn', '--port', '${port}'] },
  },
  pipelines,
};
const stuckIn = (isolate: 'process' | 'thread', how: 'wait' | 'call') => ({
  engines: { voice: { worker: fixture('gateway/stuck.mjs'), isolate, options: { how } }, activity },
  pipelines,
});
const withFaults = { NODE_OPTIONS: `--import=${pathToFileURL(fixture('gateway/fault.mjs')).href}` };

/** Leaves by SIGTERM, or as told, and looks at what is left. */
async function leave(
  gateway: GatewayProcess,
  how: () => void | Promise<void> = () => void gateway.child.kill('SIGTERM'),
) {
  const family = await gateway.family();
  const began = performance.now();
  await how();
  const end = await gateway.end(began);
  await until(() => !family.some(alive), { timeoutMs: 1000, what: `the family ${family} to be gone` });
  return end;
}

async function makeStuck(gateway: GatewayProcess): Promise<Caller> {
  await gateway.event('ready');
  const caller = await Caller.call(await gateway.url());
  caller.say('hello');
  await caller.event('response.created');
  const log = `${gateway.folder.path}/.greenroom/engines/voice`;
  await until(
    async () => {
      const [name = ''] = await readdir(log);
      if ((await readFile(`${log}/${name}`, 'utf8')).includes('stuck from here on')) return true;
      // What a thread wrote last is not heard: it hangs on the `sleep` that it has started.
      const commands = await Promise.all((await gateway.family()).map(commandOf));
      return commands.some(([program]) => program === 'sleep');
    },
    { timeoutMs: 5000, what: 'the call to be stuck' },
  );
  return caller;
}

test('an engine that ignores SIGTERM is killed, named with its pid, and the exit code is still 0', async () => {
  await using gateway = await GatewayProcess.start({ config: stubborn });
  const { pid } = await gateway.event('engine', ({ name, state }) => name === 'mule' && state === 'ready');
  const end = await leave(gateway);
  expect(end).toMatchObject({ code: 0, report: { forced: [] } });
  expect(end.ms).toBeLessThan(3000);
  expect(JSON.stringify(end.report?.['stages'])).toContain(
    `engine mule (pid ${pid}) did not end when asked: killed`,
  );
});

test('a worker process stuck in native code is killed with what it started, and named', async () => {
  await using gateway = await GatewayProcess.start({ config: stuckIn('process', 'wait') });
  await using _caller = await makeStuck(gateway);
  const end = await leave(gateway);
  expect(end).toMatchObject({ code: 0, report: { forced: [] } });
  expect(end.ms).toBeLessThan(3000);
  expect(JSON.stringify(end.report?.['stages'])).toContain('engine voice');
});

test('a thread stuck in native code is named in the report, and the reaper ends the gateway in time', async () => {
  await using gateway = await GatewayProcess.start({ config: stuckIn('thread', 'call'), stderr: 'file' });
  await using _caller = await makeStuck(gateway);
  const end = await leave(gateway);
  // Node cannot end a process whose thread is stuck: this is what the reaper is for. What the thread waits for is ended
  // too; on a busy machine that may let the process go by itself before its own turn comes.
  expect(end).toMatchObject({ report: { exitCode: 3 } });
  expect(['SIGKILL', 3]).toContain(end.signal ?? end.code);
  expect(String(end.report?.['forced'])).toContain('engine voice');
  expect(await gateway.lastLogged()).toMatchObject({
    msg: expect.stringMatching(/exit code 3, forced: .*engine voice/),
  });
  expect(end.ms).toBeLessThan(3300);
  await until(() => gateway.stderr.includes(`process ${gateway.pid} had not left after 3.00 s`), {
    timeoutMs: 1000,
    what: `the reaper's line (there is: ${gateway.stderr})`,
  });
});

test('a loop that blocks while leaving does not hold it: the reaper says so and ends everything', async () => {
  await using gateway = await GatewayProcess.start({ config: stubborn, env: withFaults, stderr: 'file' });
  await gateway.event('ready');
  const end = await leave(gateway, async () => {
    gateway.child.kill('SIGTERM');
    await gateway.event('leaving');
    gateway.child.kill('SIGPIPE');
  });
  expect(end).toMatchObject({ signal: 'SIGKILL' });
  expect(end.ms).toBeLessThan(3300);
  await until(() => gateway.stderr.includes(`process ${gateway.pid} had not left after 3.00 s`), {
    timeoutMs: 1000,
    what: `the reaper's line (there is: ${gateway.stderr})`,
  });
});

test('a lone SIGTERM that comes while the loop is held is noticed: ended in time, and said why', async () => {
  await using gateway = await GatewayProcess.start({ config: stubborn, env: withFaults });
  await gateway.event('ready');
  gateway.child.kill('SIGPIPE');
  await until(() => gateway.stderr.includes('blocked'), { timeoutMs: 1000, what: 'the loop to be held' });
  const end = await leave(gateway);
  expect(end).toMatchObject({ signal: 'SIGKILL' });
  expect(end.ms).toBeLessThan(3300);
  expect(gateway.stderr).toMatch(/the event loop is held: it has not heard SIGTERM for 2\d\d\d ms/);
});

test('a second signal forces although the loop is held', async () => {
  await using gateway = await GatewayProcess.start({ config: stubborn, env: withFaults });
  await gateway.event('ready');
  gateway.child.kill('SIGPIPE');
  await until(() => gateway.stderr.includes('blocked'), { timeoutMs: 1000, what: 'the loop to be held' });
  const end = await leave(gateway, async () => {
    gateway.child.kill('SIGINT');
    const askedMs = performance.now();
    await until(() => performance.now() - askedMs > 600, {
      timeoutMs: 2000,
      what: 'the second signal to count',
    });
    gateway.child.kill('SIGINT');
  });
  expect(end).toMatchObject({ signal: 'SIGKILL' });
  expect(end.ms).toBeLessThan(1500);
  expect(gateway.stderr).toContain('(asked again)');
});

test('kill -9 of the gateway leaves no engine behind', async () => {
  await using gateway = await GatewayProcess.start({ config: stubborn });
  await gateway.event('ready');
  const end = await leave(gateway, () => void gateway.child.kill('SIGKILL'));
  expect(end.signal).toBe('SIGKILL');
});

test('a second signal later than half a second forces, names what was open, and exits 3', async () => {
  await using gateway = await GatewayProcess.start({ config: stubborn });
  await gateway.event('ready');
  const end = await leave(gateway, async () => {
    gateway.child.kill('SIGINT');
    const leftAt = performance.now();
    await until(() => performance.now() - leftAt > 600, {
      timeoutMs: 2000,
      what: 'the second signal to count',
    });
    gateway.child.kill('SIGINT');
  });
  expect(end).toMatchObject({ code: 3, signal: null });
  expect(end.ms).toBeLessThan(1500);
  expect(gateway.stderr).toContain('forced exit (asked again');
  expect(gateway.stderr).toContain('mule');
});
