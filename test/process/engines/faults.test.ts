// What engines do wrong, behind a real gateway: each ends in its state, with the cause and the next step, in its time;
// the gateway stays as it is, leaves with code 0, and nothing of them is left.
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EngineStatus } from '../../../src/engines/status.ts';
import { type FaultyEngineOptions, faultyEngine } from '../../../src/testing/faulty-engine.ts';
import { GatewayEngine } from '../../support/gateway-engine.ts';
import { GatewayProcess } from '../../support/gateway-process.ts';
import { until } from '../../support/poll.ts';
import { alive } from '../../support/processes.ts';
import { type Answer, ask } from '../engine-requests/desk.ts';

type Section = Readonly<Record<string, unknown>>;

const faulty = (options: FaultyEngineOptions, changes: Section = {}): Section => ({
  ...faultyEngine(options),
  ...changes,
});

const start = (engines: Readonly<Record<string, Section>>) =>
  GatewayProcess.start({ config: { engines, pipelines: {} } });

/** Leaves as users let it; its end, when nothing of it is there any more. */
async function leave(gateway: GatewayProcess) {
  const askedMs = performance.now();
  gateway.child.kill('SIGTERM');
  const { code, ms, report } = await gateway.end(askedMs);
  expect(await gateway.processes(), 'left by the gateway').toEqual([]);
  expect({ code, report }).toMatchObject({ code: 0, report: { forced: [], exitCode: 0 } });
  expect(ms).toBeLessThan(3000);
  return JSON.stringify(report);
}

const chat = async (gateway: GatewayProcess, stream: boolean, model = 'llm'): Promise<Answer> =>
  ask(await gateway.url(), '/v1/chat/completions', {
    method: 'POST',
    body: JSON.stringify({ model, stream, messages: [{ role: 'user', content: 'Hello' }] }),
  });

interface Failing {
  readonly name: string;
  readonly engine: Section;
  readonly code: string;
  readonly cause: string | null;
  readonly says: RegExp;
  /** `failed`: nobody tries it again before somebody asks. */
  readonly state: 'backoff' | 'failed';
  /** From its start until it was gone. */
  readonly withinMs: number;
}

const failing: readonly Failing[] = [
  {
    name: 'exits-at-start',
    engine: faulty({ fault: 'exits-at-start' }),
    code: 'engine_exited',
    cause: 'out_of_memory',
    says: /^engine \S+ \(pid \d+\) exited with code 1: out of memory \(ggml: failed to allocate .*\); use a smaller model or context, or free memory$/,
    state: 'backoff',
    withinMs: 5000,
  },
  {
    name: 'exits-cleanly',
    engine: faulty({ fault: 'exits-cleanly' }),
    code: 'engine_exited',
    cause: 'ended',
    says: /exited with code 0: it ended by itself, without an error; it has to stay in the foreground/,
    state: 'backoff',
    withinMs: 5000,
  },
  {
    name: 'silent',
    engine: faulty({ fault: 'silent' }, { ready: { stall: '500ms', total: '20s' } }),
    code: 'engine_stalled',
    cause: 'stall',
    says: /: no sign of progress for 500 ms, at rung alive \(connect ECONNREFUSED .*\): nobody listened at .*; if it may be silent for longer, raise `ready\.stall`$/,
    state: 'backoff',
    withinMs: 5000,
  },
  {
    name: 'never-listens',
    engine: faulty({ fault: 'never-listens' }, { ready: { total: '2s' } }),
    code: 'engine_deadline',
    cause: null,
    says: /: not ready after 2000 ms, at rung alive \(connect ECONNREFUSED .*\): nobody listened at .*; if it may take longer, raise `ready\.total`$/,
    state: 'backoff',
    withinMs: 6000,
  },
  {
    name: 'never-ready',
    engine: faulty({ fault: 'never-ready' }, { ready: { total: '3500ms' } }),
    code: 'engine_deadline',
    cause: null,
    says: /: not ready after 3500 ms, at rung http \(HTTP 503 from \/health\); if it may take longer, raise `ready\.total`$/,
    state: 'backoff',
    withinMs: 4500,
  },
  {
    name: 'unauthorized',
    engine: faulty({ fault: 'unauthorized' }),
    code: 'engine_unfit',
    cause: null,
    says: /answers HTTP 401 from \/health: it wants a key; let its health path do without one, or name another \(`ready\.http`\)$/,
    state: 'failed',
    withinMs: 5000,
  },
  {
    name: 'zero-tokens',
    engine: faulty({ fault: 'zero-tokens' }, { ready: { generate: true } }),
    code: 'engine_no_output',
    cause: null,
    says: /a first small request came to nothing: chat: it answered without a single token; is its model whole, and one for chat\?$/,
    state: 'backoff',
    withinMs: 5000,
  },
];

describe('engines that do not become ready, all of them in one gateway', () => {
  let gateway: GatewayProcess;
  beforeAll(async () => {
    gateway = await start({
      ...Object.fromEntries(failing.map(({ name, engine }) => [name, engine])),
      well: faulty({ loadMs: 100 }),
    });
  });
  afterAll(async () => gateway[Symbol.asyncDispose]());

  test.each(failing)('$name: $code, $state', async ({ name, code, cause, says, state, withinMs }) => {
    const { ms, error } = await gateway.event(
      'engine',
      (event) => event['name'] === name && event['state'] === state,
    );
    expect(error).toMatchObject({ code, message: expect.stringMatching(says) });
    expect(ms).toBeLessThan(withinMs);
    const { failure } = await new GatewayEngine(gateway, name).status();
    expect(failure).toMatchObject({ code, cause, message: expect.stringMatching(says) });
    // Whoever asks for it is told the same, at once when there is nothing to wait for.
    if (state === 'backoff') return;
    const refused = await chat(gateway, true, name);
    expect([refused.status, await refused.json()]).toMatchObject([503, { error: { code } }]);
  });

  test('one beside them that is well does not notice', async () => {
    const well = await new GatewayEngine(gateway, 'well').reaches('ready');
    expect(well.attempt).toBe(1);
    expect((await (await chat(gateway, false, 'well')).json()) as object).toMatchObject({
      choices: [{ message: { content: 'This is a test.' } }],
    });
  });

  test('what fails five times in a row is given up until somebody asks', async () => {
    const engine = new GatewayEngine(gateway, 'exits-cleanly');
    // The pauses between are random: 0 to 1, 2, 4 and 8 s.
    const { attempt, failure } = await engine.reaches('failed', 5, 30_000);
    expect([attempt, failure?.cause]).toEqual([5, 'ended']);
    const refused = await chat(gateway, false, 'exits-cleanly');
    expect([refused.status, refused.headers['x-should-retry']]).toEqual([503, 'false']);
    await engine.ask('start');
    await engine.shows(({ attempt: next }) => next === 6, 'to be tried again');
  });

  test('the gateway leaves in its time, and nothing of them is left', async () => {
    await leave(gateway);
  });
});

describe('an engine that fails while it answers', () => {
  let gateway: GatewayProcess;
  beforeAll(async () => {
    const options = { says: 'One two three four five.', tokenMs: 10 };
    gateway = await start({
      dies: faulty({ ...options, fault: 'dies-mid-stream' }),
      cuts: faulty({ ...options, fault: 'cuts-mid-stream' }),
      stalls: faulty({ ...options, fault: 'stalls-mid-stream' }, { ready: { stall: '2s', total: '20s' } }),
    });
  });
  afterAll(async () => gateway[Symbol.asyncDispose]());

  test.each([
    ['dies', 'engine_exited', /engine dies \(pid \d+\) exited with code 1/, 2],
    ['cuts', 'engine_call_failed', /connection was cut/, 1],
    ['stalls', 'engine_stalled', /gave nothing for 2000 ms/, 1],
  ])(
    '%s: %s after what was said, in time, and it is there for the next',
    async (name, code, says, attempt) => {
      const engine = new GatewayEngine(gateway, name);
      await engine.reaches('ready', 1);
      const askedMs = performance.now();
      const answer = await chat(gateway, true, name);
      await answer.end();
      expect(performance.now() - askedMs).toBeLessThan(3000);
      expect([answer.status, answer.tokens()]).toEqual([200, 'One two three ']);
      expect(answer.events().at(-1)).toMatchObject({ error: { code, message: expect.stringMatching(says) } });
      await engine.reaches('ready', attempt);
      expect((await engine.status()).activeCalls).toBe(0);
    },
  );

  test('and the gateway leaves in its time', async () => {
    await leave(gateway);
  });
});

test('one that floods its output with 100 MiB is ready after it, and the gateway is no larger for it', async () => {
  await using gateway = await start({ llm: faulty({ fault: 'floods' }, { start: 'lazy' }) });
  await gateway.event('ready');
  const engine = new GatewayEngine(gateway, 'llm');
  await engine.status();
  const beforeMiB = await rssMiB(gateway.pid);
  await engine.ask('start');
  let mostMiB = 0;
  const ready = async () => {
    mostMiB = Math.max(mostMiB, await rssMiB(gateway.pid));
    return (await engine.status()).state === 'ready';
  };
  await until(ready, { timeoutMs: 30_000, what: 'the end of the flood' });
  expect(mostMiB - beforeMiB).toBeLessThan(60);
  expect((await (await chat(gateway, false)).json()) as object).toMatchObject({ object: 'chat.completion' });
  await leave(gateway);
});

async function rssMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
}

test('one whose child holds its output is known to have ended as soon as it has', async () => {
  await using gateway = await start({ llm: faulty({ fault: 'holds-stdout' }) });
  const { pid } = await gateway.event(
    'engine',
    ({ state, pid: known }) => state === 'starting' && known !== null,
  );
  await until(() => !alive(Number(pid)), { timeoutMs: 10_000, what: 'its end' });
  const endedMs = performance.now();
  // Of this very one: on a busy machine the one before may have been gone before it was seen.
  const { error } = await gateway.event(
    'engine',
    ({ state, error: its }) =>
      state === 'backoff' && String((its as { message?: string } | null)?.message).includes(`pid ${pid}`),
  );
  expect(performance.now() - endedMs).toBeLessThan(1000);
  expect(error).toMatchObject({
    code: 'engine_exited',
    message: `engine llm (pid ${pid}) exited with code 1`,
  });
  await leave(gateway);
});

test('one that leaves a child in a session of its own takes it along when it is stopped', async () => {
  await using gateway = await start({ llm: faulty({ fault: 'forks' }) });
  const engine = new GatewayEngine(gateway, 'llm');
  const { pid } = await engine.reaches('ready');
  const family = await gateway.processes();
  const child = await until(() => escaped(family), { timeoutMs: 2000, what: 'its child' });
  expect(child).not.toBe(pid);
  await engine.ask('stop');
  await engine.reaches('stopped');
  await until(() => !alive(child), { timeoutMs: 2000, what: 'no child' });
  await leave(gateway);
});

/** The child of `forks`: a Node with a script on its command line. */
async function escaped(pids: readonly number[]): Promise<number | undefined> {
  for (const pid of pids) {
    const words = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (words.split('\0')[1] === '-e') return pid;
  }
  return undefined;
}

test('one that ignores SIGTERM is killed when its grace is over, and named in the report', async () => {
  await using gateway = await start({ llm: faulty({ fault: 'ignores-sigterm' }, { stopGrace: '300ms' }) });
  const engine = new GatewayEngine(gateway, 'llm');
  await engine.reaches('ready');
  const askedMs = performance.now();
  await engine.ask('stop');
  expect((await engine.reaches('stopped')).failure).toBeNull();
  expect(performance.now() - askedMs).toBeLessThan(2000);
  await engine.ask('start');
  const { pid } = await engine.reaches('ready', 2);
  expect(await leave(gateway)).toContain(
    `engine llm (pid ${pid}) did not end when asked: killed, gone after`,
  );
});

test('one that wedges fails its calls; after three it is looked into, found out, and started again', async () => {
  await using gateway = await start({
    llm: faulty(
      { fault: 'wedges' },
      { ready: { total: '3s', probeTimeout: '300ms', generateTimeout: '500ms' } },
    ),
  });
  const engine = new GatewayEngine(gateway, 'llm');
  await engine.reaches('ready', 1);
  expect((await chat(gateway, false)).status).toBe(200);
  const calls = await Promise.all([chat(gateway, true), chat(gateway, false), chat(gateway, true)]);
  for (const call of calls)
    expect([call.status, await call.json()]).toMatchObject([
      503,
      { error: { code: 'engine_stalled', message: expect.stringContaining('gave nothing for 3000 ms') } },
    ]);
  const { error } = await gateway.event('engine', ({ state }) => state === 'stopping');
  expect(error).toMatchObject({
    code: 'engine_unreachable',
    message: expect.stringMatching(
      /^engine llm \(pid \d+\) does not work any more: 3 calls in a row failed, and when asked for something small: .* does not answer: no answer in 300 ms$/,
    ),
  });
  const again: EngineStatus = await engine.reaches('ready', 2);
  expect(again.failure).toBeNull();
  expect((await chat(gateway, false)).status).toBe(200);
  await leave(gateway);
});
