// The recorder and its thread: bounded, in order, and started again when it has died. The thread is a small one of the
// test's own, but for one test with the real one.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { systemClock } from '../../../src/lifecycle/clock.ts';
import type { TakeFacts } from '../../../src/recordings/facts.ts';
import type { Step } from '../../../src/recordings/protocol.ts';
import { Recorder } from '../../../src/recordings/recorder.ts';
import { type TestFolder, testFolder } from '../../support/folder.ts';
import { until } from '../../support/poll.ts';

/** Writes nothing, and does not say so; dies of the text `die`; finds nothing. */
const silent = `import { parentPort } from 'node:worker_threads';
parentPort.on('message', ({ type, id, steps = [] }) => {
  if (steps.some(({ text }) => text === 'die')) throw new Error('it is over');
  if (steps.some(({ text }) => text === 'answer')) parentPort.postMessage({ type: 'written', id });
  if (type === 'query') parentPort.postMessage({ type: 'found', id, found: { state: 'list', takes: [] } });
  if (type === 'close') parentPort.close();
});`;

const real = fileURLToPath(new URL('../../../src/recordings/recordings-thread.ts', import.meta.url));

async function recorderIn(folder: TestFolder, thread: 'silent' | 'real', bytesMax?: number) {
  const file = thread === 'real' ? real : await folder.write('silent.mjs', silent);
  const said = { takes: [] as TakeFacts[], lost: [] as string[] };
  const recorder = new Recorder({
    file,
    thread: {
      root: join(folder.path, 'recordings'),
      limits: { keepMs: 1e12, countMax: 10, bytesMax: 1e12 },
      version: '1',
    },
    clock: systemClock,
    ...(bytesMax !== undefined && { bytesMax }),
    onTake: (_, take) => said.takes.push(take),
    onLost: (key, message) => said.lost.push(`${key}: ${message}`),
    onRemoved: () => undefined,
    onLook: () => undefined,
    onNotice: () => undefined,
  });
  return { said, recorder, [Symbol.asyncDispose]: () => recorder.close() };
}

const start: Step = {
  ...{ type: 'start', key: 1, name: { session: 's', take: 1 }, pipeline: 'p' },
  ...{ formats: 'told', atMs: 1, context: [] },
};
const event = (text: string): Step => ({ type: 'event', key: 1, from: 'caller', ms: 1, text });
const stop: Step = { type: 'stop', key: 1, reason: 'done', atMs: 2 };

test('only so much waits for the disk; what ends a take is always taken; what is written makes room', async () => {
  await using folder = await testFolder();
  await using made = await recorderIn(folder, 'silent', 2000);
  const { recorder } = made;
  recorder.start(false);
  expect(recorder.take(start)).toBe('taken');
  expect(recorder.take(event('answer'))).toBe('taken');
  await until(() => recorder.waitingBytes === 0, { timeoutMs: 5000, what: 'all of it to be written' });
  expect(recorder.take(event('x'.repeat(1500)))).toBe('taken');
  expect(recorder.take(event('x'.repeat(500)))).toBe('full');
  expect(recorder.take(stop)).toBe('taken');
});

test('a thread that has died is told, and the next take has another one', async () => {
  await using folder = await testFolder();
  await using made = await recorderIn(folder, 'silent');
  const { recorder, said } = made;
  recorder.start(true);
  recorder.take(event('x'));
  recorder.take(event('die'));
  await until(() => said.lost.length > 0, { timeoutMs: 5000, what: 'the end of the thread' });
  expect(said.lost).toEqual(['all: the thread that writes recordings has ended: it is over']);
  expect(recorder.waitingBytes).toBe(0);
  expect(await recorder.ask({ of: 'list', session: undefined, limit: 1 })).toEqual({
    state: 'list',
    takes: [],
  });
});

test('what comes before it is started is written then; a close writes everything, and takes nothing more', async () => {
  await using folder = await testFolder();
  const { recorder, said } = await recorderIn(folder, 'real');
  recorder.take(start);
  const asked = recorder.ask({ of: 'list', session: 's', limit: 10 });
  expect(await readdir(folder.path)).not.toContain('recordings');
  recorder.start(false);
  expect(await asked).toMatchObject({ state: 'list', takes: [{ id: 's/1', state: 'recording' }] });
  recorder.take(event('{"type":"x"}'));
  recorder.take(stop);
  await recorder.close();
  expect(said.takes.map(({ state, events }) => `${state} ${events}`)).toEqual(['recording 0', 'finished 1']);
  expect(recorder.take(start)).toBe('closed');
  expect(await recorder.ask({ of: 'list', session: 's', limit: 10 })).toMatchObject({ state: 'failed' });
});

test('one that was never started has nothing to close, and keeps nobody waiting', async () => {
  await using folder = await testFolder();
  const { recorder } = await recorderIn(folder, 'silent');
  const asked = recorder.ask({ of: 'list', session: undefined, limit: 1 });
  await recorder.close();
  expect(await asked).toEqual({ state: 'failed', message: 'the recorder is closed' });
});
