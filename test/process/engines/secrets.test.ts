// An engine may tell a secret that it was given: nothing of ours shows it, be it a log, a message or a status.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Secret, SecretRegistry } from '../../../src/config/secrets.ts';
import { until } from '../../support/poll.ts';
import { program, Supervised, worker } from './supervised.ts';

const key = 'sk-"secret"-quokka';
const secret = new Secret(key, 'env:KEY');
const secrets = new SecretRegistry();
secrets.add(secret);
const mask = (text: string) => secrets.mask(text);
const { signal: never } = new AbortController();

/** Everything that could be shown to anybody. */
const shown: unknown[] = [];

beforeEach(() => {
  shown.length = 0;
});

afterEach(() => {
  expect(shown).not.toEqual([]);
  expect(shown.join('\n')).not.toContain('quokka');
});

async function look(stage: Supervised): Promise<void> {
  shown.push(JSON.stringify(stage.engine.status()), JSON.stringify(stage.engine.life), ...stage.log);
  shown.push(...(await stage.logFiles()));
}

async function failureOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (thrown: Error & { details?: unknown }) => thrown,
  );
  shown.push(error?.message, JSON.stringify(error?.details));
  return error?.message ?? 'nothing failed';
}

async function speak(stage: Supervised, text: string): Promise<void> {
  for await (const _ of stage.engine.speak({ text, voice: null }, never));
}

describe.each(['process', 'thread'] as const)('a worker in a %s', (isolate) => {
  const config = (options = {}) => worker('tells-secret.mjs', { isolate, options: { key, ...options } });

  test('that tells it in its output, its progress and its failed calls', async () => {
    await using stage = await Supervised.masked(mask, config());
    stage.engine.onChange((status) => shown.push(JSON.stringify(status)));
    await stage.becomes('ready');
    expect(await failureOf(speak(stage, ''))).toBe('engine mine: speak failed: *** may not speak');
    const heard = stage.engine.openVad(16_000).push(Int16Array.of(1));
    expect(await failureOf(Promise.resolve(heard))).toBe('engine mine: vad failed: *** may not hear');
    await stage.says(/the key is \*\*\*/);
    await stage.stop();
    await look(stage);
    expect(shown.join('\n')).toContain('logging in with ***');
    expect((await stage.logFiles()).join('')).toContain('and again: ***');
  });

  test('that tells it when its load fails', async () => {
    await using stage = await Supervised.masked(mask, config({ in: 'load' }));
    await stage.becomes('failed');
    expect(stage.engine.life.failure?.message).toBe('engine mine: its load failed: *** is refused');
    await look(stage);
  });

  test('that tells it when it crashes', async () => {
    await using stage = await Supervised.masked(mask, config());
    await stage.becomes('ready');
    expect(await failureOf(speak(stage, 'exit'))).toMatch(/exited with code 1|threw: \*\*\* has expired/);
    expect(stage.said).toContain('*** has expired');
    await look(stage);
  });
});

describe.each(['process', 'thread'] as const)('a worker in a %s', (isolate) => {
  test.each([1, 8, 15])('that tells it where our limits leave %i characters of it', async (left) => {
    const config = worker('tells-secret-late.mjs', { isolate, options: { key, left } });
    await using stage = await Supervised.masked(mask, config);
    stage.engine.onChange((status) => shown.push(JSON.stringify(status)));
    await stage.becomes('ready');
    await until(() => shown.join('').includes('xxx'), { timeoutMs: 1000, what: 'the progress' });
    expect(await failureOf(speak(stage, ''))).toMatch(/^engine mine: speak failed: x+/);
    if (isolate === 'process')
      expect(await failureOf(speak(stage, 'raw'))).toMatch(/"x+.*" came instead of a message/);
    await stage.stop();
    await look(stage);
    expect(shown.join('\n')).not.toMatch(/xs/);
  });
});

test('a program that tells it in its arguments, its output and its answers', async () => {
  const script = `
    require('node:http').createServer((request, response) => {
      if (request.method === 'GET') response.end();
      else response.writeHead(500).end('no: ' + process.env.KEY);
    }).listen(process.env.PORT, process.env.HOST);
    console.log(process.env.KEY);
    process.stdout.write('unfinished ' + process.env.KEY);
    process.on('SIGTERM', () => process.exit(3));
  `;
  const run = [process.execPath, '-e', script, '--', key];
  await using stage = await Supervised.masked(mask, program('', { run, env: { KEY: secret } }));
  await stage.becomes('ready');
  expect(await failureOf(speak(stage, ''))).toBe('engine mine: speech: HTTP 500: no: ***');
  await stage.stop();
  await look(stage);
  const [log = ''] = await stage.logFiles();
  expect(log).toContain('-- ***\n');
  expect(log).toMatch(/\n\*\*\*\nunfinished \*\*\*\n$/);
});
