import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Processes, systemProcesses } from '../../../src/cli/processes.ts';
import { stop } from '../../../src/cli/stop.ts';
import { stopPlan } from '../../../src/cli/stop-plan.ts';
import { identityOf } from '../../../src/engines/host/identity.ts';
import { openDataDirectory } from '../../../src/gateway/data-directory.ts';
import { systemClock } from '../../../src/lifecycle/clock.ts';
import { testFolder } from '../../support/folder.ts';
import { until } from '../../support/poll.ts';
import { alive } from '../../support/processes.ts';
import { fakeGateway, nobodysUrl } from '../client/fake-gateway.ts';
import { testIo } from './fake-echo.ts';
import { held, record, sleeper } from './records.ts';

describe('the plan', () => {
  test('without force is one signal, and the time it is given', () => {
    expect(stopPlan(10_000, false)).toEqual({ steps: [{ atMs: 0, signal: 'SIGTERM' }], untilMs: 10_000 });
  });

  test('with force is a second one, late enough to count as such, and KILL when time is up', () => {
    fc.assert(
      fc.property(fc.nat(20_000), (timeoutMs) => {
        const { steps, untilMs } = stopPlan(timeoutMs, true);
        expect(steps.at(-1)).toEqual({ atMs: timeoutMs, signal: 'SIGKILL' });
        expect(steps.map(({ atMs }) => atMs)).toEqual(
          steps.map(({ atMs }) => atMs).toSorted((a, b) => a - b),
        );
        const [, second] = steps;
        if (second?.signal === 'SIGTERM') expect(second.atMs).toBeGreaterThan(500);
        expect(untilMs).toBeGreaterThan(timeoutMs);
      }),
    );
  });
});

describe('a gateway that is there', () => {
  test('is asked to leave, and is gone when that is said: 0', async () => {
    await using folder = await testFolder();
    await using process = await sleeper('plain', folder.path);
    await record(folder.path, { pid: process.pid });
    const io = testIo(folder.path);
    expect(await stop({ json: true }, io)).toBe(0);
    expect(alive(process.pid)).toBe(false);
    const { pid } = process;
    const url = 'http://127.0.0.1:9';
    expect(io.events()).toEqual([
      { event: 'asked', pid, url, by: 'SIGTERM' },
      { event: 'stopped', pid, url, how: 'left', ms: expect.any(Number), processes: expect.any(Number) },
    ]);
    expect(io.errLines[0]).toBe(`pid ${pid} at ${url} is asked to leave (SIGTERM)`);
    expect(io.errLines.at(-1)).toMatch(new RegExp(`^pid ${pid} is gone after \\d+ ms`));
  });

  test('and does not leave in time is still there, and the next step is said', async () => {
    await using folder = await testFolder();
    await using process = await sleeper('deaf', folder.path);
    await record(folder.path, { pid: process.pid });
    await expect(stop({ timeoutMs: 100 }, testIo(folder.path))).rejects.toMatchObject({
      code: 'deadline_exceeded',
      message: expect.stringMatching(
        new RegExp(
          `^the gateway \\(pid ${process.pid}\\) is still there after \\d+ ms; end it with \`greenroom stop --force\``,
        ),
      ),
    });
    expect(alive(process.pid)).toBe(true);
  });

  test('and does not leave in time is killed with force, and its family is gone too', async () => {
    await using folder = await testFolder();
    await using process = await sleeper('deaf', folder.path);
    await record(folder.path, { pid: process.pid });
    const io = testIo(folder.path);
    expect(await stop({ force: true, timeoutMs: 700, json: true }, io)).toBe(0);
    expect(await process.exited).toBe('SIGKILL');
    expect(io.events().map(({ event, by, how }) => `${event} ${by ?? how}`)).toEqual([
      'asked SIGTERM',
      'asked SIGTERM',
      'asked SIGKILL',
      'stopped killed',
    ]);
  });

  test('and leaves already is waited for, and not asked again: that would force it', async () => {
    await using folder = await testFolder();
    await using process = await sleeper('plain', folder.path);
    await record(folder.path, { pid: process.pid, state: 'leaving' });
    const io = testIo(folder.path);
    await expect(stop({ timeoutMs: 100 }, io)).rejects.toMatchObject({ code: 'deadline_exceeded' });
    expect(io.errLines).toEqual([
      `pid ${process.pid} at http://127.0.0.1:9 leaves already: it is not asked again, which would force it`,
    ]);
    expect(alive(process.pid)).toBe(true);
    const stopping = stop({ json: true }, io);
    await until(() => io.errLines.length > 1, { timeoutMs: 3000, what: 'the waiting' });
    process.child.kill('SIGKILL');
    expect(await stopping).toBe(0);
    expect(io.events()).toMatchObject([{ event: 'stopped', pid: process.pid, how: 'left' }]);
  });

  test('and leaves already is asked again with force', async () => {
    await using folder = await testFolder();
    await using process = await sleeper('plain', folder.path);
    await record(folder.path, { pid: process.pid, state: 'leaving' });
    expect(await stop({ force: true }, testIo(folder.path))).toBe(0);
    expect(await process.exited).toBe('SIGTERM');
  });

  test('whose record is spoilt is known by its lock', async () => {
    await using folder = await testFolder();
    const directory = join(folder.path, '.greenroom');
    await using _directory = await openDataDirectory(directory);
    await folder.write('.greenroom/gateway.json', 'garbage');
    const signalled: unknown[] = [];
    const processes: Processes = {
      ...systemProcesses,
      signal: (identity) => {
        signalled.push(identity);
        return 'sent';
      },
      isAlive: async () => signalled.length === 0,
    };
    // Nobody leaves here: what is asked for is that the right one is meant.
    await expect(stop({ timeoutMs: 50 }, testIo(folder.path), systemClock, processes)).rejects.toMatchObject({
      code: 'deadline_exceeded',
    });
    expect(signalled).toEqual([await identityOf(process.pid)]);
  });

  test('in another program is asked over HTTP, and its process is left alone', async () => {
    await using folder = await testFolder();
    const directory = await openDataDirectory(join(folder.path, '.greenroom'));
    await using gateway = await fakeGateway({
      onRequest: () => {
        void directory.close();
        return { status: 202, body: {} };
      },
    });
    await directory.writeRecord(gateway.url, 'shared');
    const io = testIo(folder.path);
    expect(await stop({ force: true, json: true }, io)).toBe(0);
    expect(gateway.requests).toEqual(['/api/shutdown']);
    expect(io.events()).toMatchObject([
      { event: 'asked', by: 'request' },
      { event: 'stopped', pid: process.pid, how: 'left' },
    ]);
  });

  test('in another program that does not close it is told as not ours to end, with force too', async () => {
    await using folder = await testFolder();
    await using gateway = await fakeGateway({ onRequest: () => ({ status: 202, body: {} }) });
    await using directory = await openDataDirectory(join(folder.path, '.greenroom'));
    await directory.writeRecord(gateway.url, 'shared');
    await expect(stop({ timeoutMs: 50 }, testIo(folder.path))).rejects.toMatchObject({
      code: 'deadline_exceeded',
      message: expect.stringContaining(`not ours to end: end pid ${process.pid} itself`),
    });
  });

  test('in another program that leaves already is waited for, whoever asked it', async () => {
    await using folder = await testFolder();
    const url = await nobodysUrl();
    const directory = await openDataDirectory(join(folder.path, '.greenroom'));
    await directory.writeRecord(url, 'shared');
    // It was there when it was looked for, and answers nobody when it is asked.
    await expect(stop({ timeoutMs: 50 }, testIo(folder.path))).rejects.toMatchObject({
      message: expect.stringContaining('connection refused'),
    });
    directory.tellLeaving();
    await until(
      async () => (await readFile(join(directory.path, 'gateway.json'), 'utf8')).includes('leaving'),
      {
        timeoutMs: 5000,
        what: 'the record',
      },
    );
    const io = testIo(folder.path);
    const stopping = stop({ json: true }, io);
    await until(() => io.errLines.length > 0, { timeoutMs: 3000, what: 'the waiting' });
    await directory.close();
    expect(await stopping).toBe(0);
    expect(io.errLines[0]).toContain('leaves already');
    expect(io.events()).toMatchObject([{ event: 'stopped', how: 'left' }]);
  });

  test('in another program that takes no order of us says what it wants', async () => {
    await using folder = await testFolder();
    await using gateway = await fakeGateway({ onRequest: () => ({ status: 401, body: {} }) });
    await using _ = await held(folder.path);
    await record(folder.path, { url: gateway.url, process: 'shared' });
    await expect(stop({}, testIo(folder.path))).rejects.toMatchObject({ code: 'unauthorized' });
  });
});

describe('who does not hold the directory', () => {
  test('is not its gateway, however alive the process of the record is, and is left alone', async () => {
    await using folder = await testFolder();
    await using stranger = await sleeper();
    await record(folder.path, { pid: stranger.pid });
    const io = testIo(folder.path);
    expect(await stop({ json: true, force: true, timeoutMs: 100 }, io)).toBe(0);
    expect(io.events()).toMatchObject([{ event: 'stopped', pid: null, how: 'absent' }]);
    expect(io.errLines).toEqual([
      `no gateway runs in ${folder.path}/.greenroom; gateway.json is of pid ${stranger.pid}, which runs and does not hold this directory (is it a copy?): it is left alone`,
    ]);
    expect(alive(stranger.pid)).toBe(true);
  });

  test('gets no token: a record that leads elsewhere is told, and nobody is asked', async () => {
    await using folder = await testFolder();
    await using _ = await held(folder.path);
    const url = 'http://203.0.113.9:7460';
    await record(folder.path, { url, process: 'shared' });
    const asked = stop({ token: 'secret', timeoutMs: 100 }, testIo(folder.path));
    await expect(asked).rejects.toMatchObject({
      code: 'gateway_unreachable',
      message: `the record of ${folder.path}/.greenroom names ${url}, where the program that holds it (pid ${process.pid}) does not listen: nobody is asked there, and no token is sent; end pid ${process.pid} itself`,
    });
  });
});

describe('the identity of the process', () => {
  test('is looked at right before each signal: who has its pid by then is never hit', async () => {
    await using stranger = await sleeper();
    const identity = await identityOf(stranger.pid);
    const later = { ...identity, startTime: (identity.startTime ?? 0) + 1 };
    expect(systemProcesses.signal(later, 'SIGKILL')).toBe('gone');
    expect(alive(stranger.pid)).toBe(true);
    expect(systemProcesses.signal(identity, 'SIGTERM')).toBe('sent');
    expect(await stranger.exited).toBe('SIGTERM');
    expect(systemProcesses.signal(identity, 'SIGKILL')).toBe('gone');
  });

  test('that changes between two signals is a gateway that has gone', async () => {
    await using folder = await testFolder();
    await using stranger = await sleeper('plain', folder.path);
    await record(folder.path, { pid: stranger.pid });
    let asked = 0;
    const processes: Processes = {
      ...systemProcesses,
      // It seems to be there until the second signal finds that it is not.
      isAlive: async () => asked < 2,
      signal(identity, name) {
        asked += 1;
        if (asked === 1) return 'sent';
        const startTime = (identity.startTime ?? 0) - 1;
        return systemProcesses.signal({ ...identity, startTime }, name);
      },
    };
    const io = testIo(folder.path);
    expect(await stop({ force: true, json: true }, io, systemClock, processes)).toBe(0);
    expect(io.events().filter(({ event }) => event === 'asked')).toHaveLength(1);
    expect(alive(stranger.pid)).toBe(true);
  });
});

describe('nobody to be stopped', () => {
  test('is said, and is 0', async () => {
    await using folder = await testFolder();
    await using stranger = await sleeper();
    const io = testIo(folder.path);
    const stopped = { event: 'stopped', pid: null, url: null, how: 'absent', ms: 0, processes: 0 };
    expect(await stop({ json: true }, io)).toBe(0);
    await folder.write('.greenroom/gateway.json', 'garbage');
    expect(await stop({ json: true }, io)).toBe(0);
    await record(folder.path, { pid: stranger.pid, startTime: 1 });
    expect(await stop({ json: true, force: true }, io)).toBe(0);
    expect(io.events()).toEqual([stopped, stopped, stopped]);
    const directory = join(folder.path, '.greenroom');
    expect(io.errLines).toEqual([
      `no gateway runs in ${directory}`,
      `no gateway runs in ${directory} (${directory}/gateway.json is no run record)`,
      `the gateway of ${directory} is gone already; gateway.json was left behind by pid ${stranger.pid}`,
    ]);
    expect(alive(stranger.pid)).toBe(true);
  });
});

test('Ctrl+C ends the waiting, not what was asked for', async () => {
  await using folder = await testFolder();
  await using process = await sleeper('deaf', folder.path);
  await record(folder.path, { pid: process.pid });
  const io = testIo(folder.path);
  const stopping = stop({}, io).catch((thrown: unknown) => thrown);
  await until(() => io.errLines.length > 0, { timeoutMs: 3000, what: 'the signal' });
  io.interrupt();
  expect(await stopping).toMatchObject({
    code: 'cancelled',
    message: expect.stringContaining('still holds'),
  });
});
