// One run of a worker engine, whose host is played by the test: whatever it says, nothing is thrown.
import { describe, expect, test } from 'vitest';
import { OutputLog } from '../../../../src/engines/output-log.ts';
import type { EngineFailure } from '../../../../src/engines/state.ts';
import { WorkerInstance } from '../../../../src/engines/worker/instance.ts';
import type { LinkEvents } from '../../../../src/engines/worker/link.ts';
import { VirtualClock } from '../../../../src/testing/virtual-clock.ts';

const secret = 'S3CRET-abcdefghijklmnopqrstuvwxyz-0123456789';
const { signal: never } = new AbortController();

function run(pid: number | null = 7) {
  const failures: EngineFailure[] = [];
  const ends: EngineFailure[] = [];
  const texts: (string | null)[] = [];
  const links: LinkEvents[] = [];
  const instance = new WorkerInstance(
    {
      ...{ engine: 'mine', marker: 'a' },
      events: {
        climbed: () => undefined,
        progressed: (_, text) => texts.push(text),
        active: () => undefined,
        failed: (failure) => failures.push(failure),
        exited: (failure) => ends.push(failure),
      },
    },
    {
      ...{ module: '/mine.mjs', options: {}, needed: [] },
      openLink: (_, events) => {
        links.push(events);
        return { pid, post: () => undefined, terminate: () => undefined, kill: () => undefined };
      },
      log: new OutputLog(null, (text) => text.replaceAll(secret, '***')),
      limits: {
        clock: new VirtualClock(),
        ...{ stallMs: 1000, cancelGraceMs: 200, waitingMax: 64, note: () => undefined },
      },
    },
  );
  const [link] = links;
  if (!link) throw new Error('no link was opened');
  return { instance, link, failures, ends, texts };
}

describe('a host that says something odd', () => {
  test.each([
    ['a process', 7, 'pid 7'],
    ['a thread', null, 'thread'],
  ])(
    '(%s) fails with what came; its callers learn it, and it is not listened to any more',
    async (_, pid, place) => {
      const { instance, link, failures, texts } = run(pid);
      link.message({ type: 'loaded', offers: ['speak'], concurrency: 1 });
      const call = instance.speak({ text: 'hello', voice: null }, never)[Symbol.asyncIterator]().next();
      link.message({ type: 'chunk', id: 99, value: { pcm: Int16Array.of(1), rate: 1e-300 } });
      const why =
        'a message `chunk` came whose `value.rate` is 1e-300, not a whole number of samples per second from 1000 to 384000';
      const message = `engine mine (${place}): ${why}: something in it writes messages of its own to the gateway; it is stopped, and tried again`;
      await expect(call).rejects.toMatchObject({ code: 'engine_module_invalid', message });
      expect(failures).toEqual([{ code: 'engine_module_invalid', message, kind: 'passing', logTail: [] }]);
      link.message({ type: 'progress', fraction: 0.5, text: { toString: 1, valueOf: 1 } });
      link.message({ type: 'progress', fraction: 0.5, text: 'more' });
      expect({ failures: failures.length, texts }).toEqual({ failures: 1, texts: [] });
    },
  );

  test('does not show a secret in it', () => {
    const { link, failures } = run();
    link.message({ type: 'progress', fraction: `${'x'.repeat(1950)}${secret.repeat(10)}`, text: null });
    expect(failures[0]?.message).toMatch(/^engine mine \(pid 7\): .*xxx\*\*\*/);
    expect(failures[0]?.message).not.toContain('S3');
  });
});

test.each([0, 1, 30, 43])('a secret of which the limit would leave %i characters is not shown', (left) => {
  const { link, texts } = run();
  link.message({ type: 'progress', fraction: 0.5, text: 'x'.repeat(200 - left) + secret });
  expect(texts).toEqual([expect.stringMatching(/^x+\*{0,3}(?: …)?$/)]);
});

test.each([0, 1, 20, 39])('of what broke the channel no half secret is shown (%i characters)', (left) => {
  const { link, failures } = run();
  link.broken({ what: 'what came is no message', came: `${'x'.repeat(40 - left)}${secret}\n` });
  expect(failures[0]?.message).toMatch(
    /^engine mine \(pid 7\): "x+\*{0,3}(?:\\n)?(?: …)?" came instead of a message: /,
  );
});

test('a load that fails for want of files is tried again; any other is not', () => {
  for (const [reason, kind] of [
    ['passing', 'passing'],
    ['load', 'lasting'],
    ['contract', 'lasting'],
  ] as const) {
    const { link, failures } = run();
    link.message({ type: 'load_failed', reason, message: 'EMFILE: too many open files', stack: '' });
    expect(failures).toMatchObject([{ kind }]);
  }
});

test('a host that cannot be started is told as such, and tried again', () => {
  const { link, ends } = run(null);
  link.exit({ state: 'unstarted', error: new Error('spawn /usr/bin/node EMFILE') });
  expect(ends).toEqual([
    {
      code: 'engine_program_missing',
      message: 'engine mine cannot be started: spawn /usr/bin/node EMFILE',
      ...{ kind: 'passing', logTail: [] },
    },
  ]);
});
