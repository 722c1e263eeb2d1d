// The ladder of a program: who listens, what it answers, what it gives; and what is no way to become ready.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Capability } from '../../../src/engines/contract.ts';
import {
  type AskOwnership,
  type Family,
  type ListenAddress,
  nobodyLooks,
} from '../../../src/engines/process/ownership.ts';
import type { RunChanges } from '../../support/engine-configs.ts';
import { testFolder } from '../../support/folder.ts';
import { until } from '../../support/poll.ts';
import { program, Supervised } from './supervised.ts';

const openai = (changes: RunChanges = {}) => program('openai-engine.mjs', { offers: ['chat'], ...changes });
const { signal: never } = new AbortController();

/** The first failure, as soon as there is one. */
async function failure(stage: Supervised, timeoutMs = 5000) {
  await until(() => stage.engine.life.failure, { timeoutMs, what: 'the failure' });
  return stage.engine.status().failure;
}

const owned: AskOwnership = async () => ({ state: 'owned' });

describe('the ladder', () => {
  test('has every rung, and for each who showed it', async () => {
    const asked: [ListenAddress, Family][] = [];
    const ask: AskOwnership = async (...question) => {
      asked.push(question);
      return { state: 'owned' };
    };
    await using stage = await Supervised.owned(ask, openai({ ready: { generate: true, log: 'listening' } }));
    await stage.becomes('ready');
    const { port, rungMs, evidence, pid } = stage.engine.status();
    const where = `http://127.0.0.1:${port}`;
    expect(Object.keys(rungMs)).toEqual([
      ...['spawned', 'alive', 'listening', 'owned', 'http', 'loaded', 'generated', 'ready'],
    ]);
    expect(evidence).toEqual({
      spawned: `pid ${pid}: ${process.execPath}`,
      alive: `pid ${pid}: ${process.execPath}`,
      listening: `${where} takes connections`,
      owned: `a process of this engine listens at ${where}`,
      http: 'HTTP 200 from /health',
      loaded: 'HTTP 200 from /health, it wrote "listening"',
      generated: '4 pieces of text from a chat of 4 tokens',
      ready: 'all that was asked of it holds',
    });
    expect(asked).toEqual([
      [
        { host: '127.0.0.1', port },
        { pgid: pid, marker: expect.stringMatching(/^[0-9a-f-]{36}$/) },
      ],
    ]);
  });

  test('is asked whose it is until that is clear, and not when nobody wants to know', async () => {
    let asked = 0;
    const late: AskOwnership = async () => {
      asked += 1;
      return asked < 3 ? { state: 'nobody' } : { state: 'owned' };
    };
    await using stage = await Supervised.owned(late, openai({ env: { LOAD_MS: '1500' } }));
    await stage.becomes('ready');
    expect([asked, stage.engine.status().evidence.owned]).toEqual([3, expect.stringContaining('listens at')]);
    asked = 0;
    await using proxy = await Supervised.owned(late, openai({ ready: { owned: false } }));
    await proxy.becomes('ready');
    expect([asked, 'owned' in proxy.engine.status().evidence]).toEqual([0, false]);
  });

  test('asks the system who listens, unless it is told whom to ask', async () => {
    await using stage = await Supervised.start(openai());
    await stage.becomes('ready');
    expect(stage.engine.status().evidence.owned).toMatch(/^a process of this engine listens at /);
  });

  test('does without an owner where nobody can tell', async () => {
    await using stage = await Supervised.owned(nobodyLooks, openai());
    await stage.becomes('ready');
    expect(stage.engine.status().rungMs).not.toHaveProperty('owned');
  });

  test('of one that has a name for this instance is proven by it', async () => {
    const named = (models: string) =>
      openai({ run: [...openai().run, '--alias', 'greenroom-${instance}'], env: { MODELS: models } });
    await using stage = await Supervised.owned(nobodyLooks, named('mine,greenroom-${instance}'));
    await stage.becomes('ready');
    expect(stage.engine.status().evidence.owned).toMatch(/^\/v1\/models names greenroom-[0-9a-f]{8}$/);
    await using other = await Supervised.owned(nobodyLooks, named('llama-7b'));
    expect(await failure(other)).toMatchObject({
      ...{ code: 'engine_port_taken', cause: 'port_in_use' },
      message: expect.stringContaining(
        'another instance: its models are llama-7b; another one is tried next',
      ),
    });
  });

  test('is proven by the first caller where nothing was tried', async () => {
    await using stage = await Supervised.start(openai());
    await stage.becomes('ready');
    expect(stage.engine.status().evidence.generated).toBeUndefined();
    const lease = await stage.engine.admit({ signal: never });
    const said: unknown[] = [];
    const call = { messages: [{ role: 'user', content: 'hi' }], maxTokens: 2 };
    for await (const part of lease.instance.chat(call, never)) said.push(part);
    lease.release();
    expect(said).toEqual([{ text: 'word0 ' }, { text: 'word1 ' }, { finish: 'length' }]);
    expect(stage.engine.status().evidence.generated).toBe("a caller's chat was answered");
    await stage.says(/^chat of mine: hi, 2 tokens$/m);
  });

  test('tells the progress that the program says, and the model by the name that it knows', async () => {
    const script =
      "for (const part of [0.1, 0.5]) console.log('greenroom-progress', part, 'reading ' + process.env.KEY)";
    await using stage = await Supervised.masked(
      (text) => text.replaceAll('hunter2', '***'),
      openai({
        run: [process.execPath, '-e', `${script}; setInterval(() => {}, 1e6)`],
        env: { KEY: 'hunter2' },
      }),
    );
    await until(() => stage.engine.life.progress === 0.5, { timeoutMs: 5000, what: 'the progress' });
    await using named = await Supervised.start(openai({ modelName: 'big', ready: { generate: true } }));
    await named.becomes('ready');
    await named.says(/^chat of big: Hello, 4 tokens$/m);
  });
});

describe('a stranger at the place of an engine', () => {
  const stranger: AskOwnership = async () => ({ state: 'stranger', holder: 'open-webui (pid 77, user eve)' });

  test('ends the start at once; of a port that we chose another is tried', async () => {
    await using stage = await Supervised.owned(stranger, openai());
    const found = await failure(stage);
    expect(found).toMatchObject({ code: 'engine_port_taken', cause: 'port_in_use' });
    expect(found?.message).toMatch(
      /^engine mine \(pid \d+\): a stranger answers at http:\/\/127\.0\.0\.1:\d+: it is held by open-webui \(pid 77, user eve\); another one is tried next$/,
    );
    await until(() => stage.engine.life.instance === 2, { timeoutMs: 5000, what: 'the next attempt' });
    // It has answered nobody.
    expect(stage.engine.status().rungMs).not.toHaveProperty('http');
  });

  test('of a fixed port is final, and says what can be done', async () => {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    await using stage = await Supervised.owned(stranger, openai({ port }));
    await stage.becomes('failed');
    expect(stage.engine.life.failure).toMatchObject({ code: 'engine_port_taken', kind: 'lasting' });
    expect(stage.engine.life.failure?.message).toContain(
      'end it, or use `port: auto` (`ready.owned: false` takes a proxy for it)',
    );
  });
});

describe('an answer that is no way to become ready', () => {
  test.each([
    ['404', 'lasting', 'there is no such path; is `ready.http`, /health, right?'],
    ['401', 'lasting', 'it wants a key; let its health path do without one, or name another (`ready.http`)'],
    ['500', 'passing', 'a ready one answers 200, and this is none of the statuses of one that loads'],
  ])('%s ends the start at once', async (status, kind, next) => {
    await using stage = await Supervised.start(
      openai({ env: { HEALTH: status }, ready: { loading: [503] } }),
    );
    const found = await failure(stage);
    expect(found).toMatchObject({ code: 'engine_unfit' });
    expect(found?.message).toContain(`answers HTTP ${status} from /health: ${next}`);
    expect(stage.engine.life.failure?.kind).toBe(kind);
  });

  test('503 for ever is loading for ever, until time is up', async () => {
    const ready = { loading: [503], totalMs: 1200 };
    await using stage = await Supervised.start(openai({ env: { HEALTH: '503' }, ready }));
    expect(await failure(stage)).toMatchObject({
      code: 'engine_deadline',
      message:
        'engine mine: not ready after 1200 ms, at rung http (HTTP 503 from /health); if it may take longer, raise `ready.total`',
    });
  });

  test('a body that does not hold what it has to is loading', async () => {
    const ready = { body: '"ok"', totalMs: 1200 };
    {
      // Gone before the next one: it is tried again, and would be taken for one of that.
      await using stage = await Supervised.start(
        openai({ env: { HEALTH_BODY: '{"status":"warming"}' }, ready }),
      );
      expect((await failure(stage))?.message).toContain('HTTP 200 from /health without "\\"ok\\""');
    }
    await using well = await Supervised.start(openai({ ready: { body: '"ok"' } }));
    await well.becomes('ready');
  });
});

describe('an engine that gives nothing', () => {
  const tried = (offers: readonly Capability[], env: Record<string, string>, ready = {}) =>
    openai({ offers, env, ready: { generate: true, ...ready } });

  test.each<[Capability, string]>([
    ['chat', '4 pieces of text from a chat of 4 tokens'],
    ['transcribe', 'a transcript of 6 characters of a tone'],
    ['speak', '1200 samples of speech'],
    ['embed', 'a vector of 2 numbers'],
  ])('but for %s, which it gives', async (capability, evidence) => {
    await using stage = await Supervised.start(tried(['vad', capability], {}));
    await stage.becomes('ready');
    expect(stage.engine.status().evidence.generated).toBe(evidence);
  });

  test.each<[Capability, string]>([
    ['chat', 'chat: it answered without a single token'],
    ['transcribe', 'transcription: its answer has no `text`: {}'],
    ['speak', 'speech: its answer has no samples (0 bytes)'],
    ['embed', 'embedding: its answer has no numbers for text 1 of 1'],
  ])('to %s is not ready', async (capability, why) => {
    await using stage = await Supervised.start(tried([capability], { FAULT: 'empty' }));
    const found = await failure(stage);
    expect(found).toMatchObject({ code: 'engine_no_output' });
    expect(found?.message).toMatch(/^engine mine \(pid \d+\): a first small request came to nothing: /);
    expect(found?.message.endsWith(`${why}; is its model whole, and one for ${capability}?`)).toBe(true);
    expect(stage.engine.status().rungMs).not.toHaveProperty('generated');
    await stage.becomes('backoff');
  });

  test.each([
    ['error', {}, 'chat: HTTP 500: {"error":{"message":"the weights are of cheese"}}', 'passing'],
    ['page', {}, 'the answer ended before it was finished', 'passing'],
    ['silent', { generateTimeoutMs: 300 }, 'nothing came in 300 ms', 'passing'],
  ])('but %s is not ready either', async (fault, ready, why, kind) => {
    await using stage = await Supervised.start(tried(['chat'], { FAULT: fault }, ready));
    expect((await failure(stage))?.message).toContain(why);
    expect(stage.engine.life.failure).toMatchObject({ code: 'engine_no_output', kind });
  });

  test('because it wants a key will want it tomorrow as well', async () => {
    await using stage = await Supervised.masked(
      (text) => text.replaceAll('undefined', '***'),
      tried(['chat'], { KEY: 'x' }),
    );
    await stage.becomes('failed');
    expect(stage.engine.life.failure).toMatchObject({ code: 'engine_no_output', kind: 'lasting' });
    expect(stage.engine.life.failure?.message).toContain('HTTP 401: {"error":{"message":"wrong key ***"}}');
  });

  test('and is stopped meanwhile ends at once', async () => {
    await using stage = await Supervised.start(tried(['chat'], { FAULT: 'silent' }));
    await until(() => stage.engine.life.text === 'waiting for its first output', {
      timeoutMs: 5000,
      what: 'the trial',
    });
    const began = performance.now();
    expect(await stage.stop()).toBe('stopped');
    expect(performance.now() - began).toBeLessThan(1000);
  });
});

describe('a program on a UNIX socket', () => {
  test('is asked there, owned by its path, and leaves nothing', async () => {
    const asked: ListenAddress[] = [];
    const ask: AskOwnership = async (address) => {
      asked.push(address);
      return owned(address, { pgid: null, marker: '' });
    };
    await using stage = await Supervised.owned(ask, openai({ socket: 'auto', ready: { generate: true } }));
    await stage.becomes('ready');
    const { port, evidence } = stage.engine.status();
    const { instance } = await stage.engine.admit({ signal: never });
    const path = instance.endpoint?.socketPath ?? '';
    expect(port).toBeNull();
    expect(asked).toEqual([{ socketPath: path }]);
    expect(evidence).toMatchObject({
      listening: `unix:${path} takes connections`,
      generated: '4 pieces of text from a chat of 4 tokens',
    });
    await stage.stop();
    expect([existsSync(path), existsSync(dirname(path))]).toEqual([false, false]);
  });

  test('takes over what one that was killed has left, and has it filled in', async () => {
    await using folder = await testFolder();
    await using stage = await Supervised.start(
      openai({
        socket: join(folder.path, 'engine.sock'),
        run: [...openai().run, '--host', '${socket}'],
      }),
    );
    await stage.becomes('ready');
    process.kill(stage.pid, 'SIGKILL');
    await until(() => stage.engine.life.instance === 2, { timeoutMs: 5000, what: 'the next attempt' });
    await stage.becomes('ready');
    await stage.says(/--host \/.*\/engine\.sock$/m);
  });
});
