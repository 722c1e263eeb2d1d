// Every way of leaving, from every situation: in time, exit 0, callers told, nothing left behind.
import { execFileSync } from 'node:child_process';
import { constants, open } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Caller } from '../support/caller.ts';
import { testFolder } from '../support/folder.ts';
import { fixture, GatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';
import { alive } from '../support/processes.ts';
import { RawSocket } from '../support/raw-socket.ts';

const budgetMs = 3000;
const activity = { builtin: 'silero' };
const pipelines = { default: { kind: 'echo', speak: 'voice', vad: 'activity', needs: ['program'] } };
const program = { run: [process.execPath, fixture('gateway/http-engine.mjs'), '--port', '${port}'] };

/** A long answer: 50 ms of audio every 20 ms, for as long as the text is. */
const talkative = { worker: fixture('gateway/tone.mjs'), options: { chunkMs: 20 } };
/** As fast as it can, for a caller that does not read. */
const flooding = { worker: fixture('gateway/tone.mjs') };
const loading = { worker: fixture('gateway/tone.mjs'), options: { burnMs: 20_000 } };

interface Situation {
  readonly name: string;
  readonly voice: object;
  /** Brings the gateway into the situation; gives the callers that must be told. */
  readonly reach: (gateway: GatewayProcess) => Promise<readonly Caller[]>;
  /** Whether the callers can hear that it is over. */
  readonly told: boolean;
}

const situations: readonly Situation[] = [
  {
    name: 'idle',
    voice: flooding,
    told: true,
    reach: async (gateway) => {
      await gateway.event('ready');
      return [await Caller.call(await gateway.url())];
    },
  },
  {
    name: 'in the middle of loading',
    voice: loading,
    told: true,
    reach: async (gateway) => {
      const caller = await Caller.call(await gateway.url());
      caller.say('early');
      await gateway.event('engine', ({ name, rung }) => name === 'voice' && rung === 'alive');
      return [caller];
    },
  },
  {
    name: 'in the middle of an answer',
    voice: talkative,
    told: true,
    reach: async (gateway) => {
      await gateway.event('ready');
      const caller = await Caller.call(await gateway.url());
      caller.say('a'.repeat(2000));
      await caller.event('response.output_audio.delta');
      return [caller];
    },
  },
  {
    name: 'with a caller that never reads',
    voice: flooding,
    told: false,
    reach: async (gateway) => {
      await gateway.event('ready');
      const caller = await Caller.call(await gateway.url());
      caller.say('a'.repeat(5000));
      await caller.event('response.output_audio.delta');
      caller.socket.pause();
      return [caller];
    },
  },
];

const triggers: Readonly<Record<string, (gateway: GatewayProcess) => void | Promise<unknown>>> = {
  SIGINT: (gateway) => void gateway.child.kill('SIGINT'),
  SIGTERM: (gateway) => void gateway.child.kill('SIGTERM'),
  SIGHUP: (gateway) => void gateway.child.kill('SIGHUP'),
  api: (gateway) => gateway.json('/api/shutdown', { method: 'POST' }),
  'SIGINT twice, by a wrapper': (gateway) => {
    gateway.child.kill('SIGINT');
    gateway.child.kill('SIGINT');
  },
};

for (const situation of situations) {
  for (const [trigger, pull] of Object.entries(triggers)) {
    test(`${trigger}, ${situation.name}: gone in time, exit 0, callers told, nobody left`, async () => {
      await using gateway = await GatewayProcess.start({
        config: { engines: { voice: situation.voice, activity, program }, pipelines },
      });
      const callers = await situation.reach(gateway);
      const family = await until(
        async () => {
          const found = await gateway.family();
          return found.length >= 3 && found;
        },
        { timeoutMs: 5000, what: 'the engines and the reaper to run' },
      );
      const began = performance.now();
      await pull(gateway);
      const end = await gateway.end(began);
      expect({ code: end.code, signal: end.signal, stderr: gateway.stderr }).toEqual({
        code: 0,
        signal: null,
        stderr: '',
      });
      expect(end.ms).toBeLessThan(budgetMs);
      expect(end.report).toMatchObject({ forced: [], exitCode: 0 });
      for (const caller of callers) {
        if (!situation.told) caller.socket.resume();
        const closed = await caller.ended();
        if (!situation.told) continue;
        expect(closed.code).toBe(1001);
        expect(caller.all('greenroom.notice')).toMatchObject([{ code: 'server_shutdown' }]);
      }
      await until(() => !family.some(alive), { timeoutMs: 1000, what: `the family ${family} to be gone` });
    });
  }
}

const askForTheEnd = 'POST /api/shutdown HTTP/1.1\r\nHost: localhost\r\n\r\n';

test('everybody who asks for the end at once is told that it comes: on connections of before', async () => {
  await using gateway = await GatewayProcess.start();
  await gateway.event('ready');
  const url = await gateway.url();
  const all = await Promise.all(Array.from({ length: 20 }, () => RawSocket.dial(url)));
  for (const raw of all) raw.write(askForTheEnd);
  for (const raw of all) expect((await raw.answer()).status).toBe(202);
  expect(await gateway.exited).toEqual({ code: 0, signal: null });
  expect(all.map(({ error }) => error)).toEqual(Array(20).fill(undefined));
});

test('everybody who asks for the end at once is told that it comes: on new connections', async () => {
  await using gateway = await GatewayProcess.start();
  await gateway.event('ready');
  const url = `${await gateway.url()}/api/shutdown`;
  const all = await Promise.all(Array.from({ length: 20 }, () => fetch(url, { method: 'POST' })));
  expect(all.map(({ status }) => status)).toEqual(Array(20).fill(202));
  expect(await gateway.exited).toEqual({ code: 0, signal: null });
});

test('a request on a connection of before is answered as long as the gateway is there', async () => {
  const mule = {
    run: [process.execPath, fixture('gateway/http-engine.mjs'), '--stubborn', '--port', '${port}'],
  };
  const config = { engines: { voice: flooding, activity, program: mule }, pipelines };
  await using gateway = await GatewayProcess.start({ config });
  await gateway.event('ready');
  await using caller = await Caller.call(await gateway.url());
  await caller.event('session.created');
  caller.socket.pause();
  await using late = await RawSocket.dial(await gateway.url());
  gateway.child.kill('SIGTERM');
  await gateway.event('leaving');
  late.write(askForTheEnd);
  expect(await late.answer()).toMatchObject({ status: 202, headers: { connection: 'close' } });
  expect((await gateway.exited).code).toBe(0);
});

test('the report is the last line of the log, but for the end of the stage that closes it', async () => {
  await using gateway = await GatewayProcess.start();
  await gateway.event('ready');
  gateway.child.kill('SIGTERM');
  const end = await gateway.end(performance.now());
  const report = await gateway.lastLogged();
  expect(report).toMatchObject({ reason: 'SIGTERM', forced: [], exitCode: 0 });
  expect(report['msg']).toMatch(/^left but for this log in \d+ ms, exit code 0$/);
  const names = (stages: unknown) => (stages as { name: string }[]).map(({ name }) => name).toSorted();
  expect([...names(report['stages']), 'flush'].toSorted()).toEqual(names(end.report?.['stages']));
});

test('a caller that asked for no notices gets none, and close 1001', async () => {
  await using gateway = await GatewayProcess.start();
  await using caller = await Caller.call(await gateway.url(), '');
  await caller.event('session.created');
  gateway.child.kill('SIGTERM');
  expect((await caller.ended()).code).toBe(1001);
  expect(caller.events.filter(({ type }) => type.startsWith('greenroom.'))).toEqual([]);
});

test('a signal in the first moment, before anything is loaded, is a clean leaving too', async () => {
  await using gateway = await GatewayProcess.start();
  await gateway.event('listening');
  const began = performance.now();
  gateway.child.kill('SIGINT');
  expect(await gateway.end(began)).toMatchObject({ code: 0, signal: null });
});

test('an uncaught exception leaves by the same path, with exit code 1 and its trace', async () => {
  const fault = await import('node:url').then(
    ({ pathToFileURL }) => pathToFileURL(fixture('gateway/fault.mjs')).href,
  );
  await using gateway = await GatewayProcess.start({ env: { NODE_OPTIONS: `--import=${fault}` } });
  await gateway.event('ready');
  await using caller = await Caller.call(await gateway.url());
  const began = performance.now();
  gateway.child.kill('SIGUSR2');
  const end = await gateway.end(began);
  expect(end).toMatchObject({ code: 1, report: { reason: 'fatal_error', forced: [] } });
  expect(gateway.stderr).toContain('injected fault');
  expect((await caller.ended()).code).toBe(1001);
});

test('a signal while the log cannot be opened, callers being seated already, is heard and obeyed in time', async () => {
  await using gateway = await GatewayProcess.start({
    prepare: (folder) => {
      execFileSync('mkdir', ['-p', '-m', '700', join(folder.path, '.greenroom', 'logs')]);
      execFileSync('chmod', ['700', join(folder.path, '.greenroom')]);
      execFileSync('mkfifo', [join(folder.path, '.greenroom', 'logs', 'greenroom.log')]);
    },
  });
  await using caller = await Caller.call(await gateway.url());
  await caller.event('session.created');
  const askedMs = performance.now();
  gateway.child.kill('SIGTERM');
  expect(await caller.ended()).toMatchObject({ code: 1001 });
  expect((await gateway.end(askedMs)).ms).toBeLessThan(3300);
});

test('a signal while the configuration is read from a pipe that nobody writes to ends it as it ends any program', async () => {
  await using folder = await testFolder();
  const pipe = join(folder.path, 'pipe.yaml');
  execFileSync('mkfifo', [pipe]);
  await using gateway = await GatewayProcess.start({ args: ['-c', pipe] });
  // Possible as soon as somebody reads; what is never written keeps them reading.
  await using writer = await until(
    () => open(pipe, constants.O_WRONLY | constants.O_NONBLOCK).catch(() => undefined),
    { timeoutMs: 5000, what: 'the gateway to read the pipe' },
  );
  expect(writer.fd).toBeGreaterThan(0);
  const askedMs = performance.now();
  gateway.child.kill('SIGTERM');
  const { signal, ms } = await gateway.end(askedMs);
  expect(signal).toBe('SIGTERM');
  expect(ms).toBeLessThan(budgetMs);
});
