// A page gets a key that opens sessions and nothing else, for a while, with the session it is for.
import { expect, test } from 'vitest';
import { Caller } from '../support/caller.ts';
import { fixture, GatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';

const config = {
  engines: { voice: { worker: fixture('gateway/tone.mjs') }, activity: { builtin: 'silero' } },
  pipelines: {
    default: { kind: 'echo', speak: 'voice', vad: 'activity' },
    other: { kind: 'echo', speak: 'voice', vad: 'activity' },
  },
  auth: { tokens: ['caller-token'], admin: ['admin-token'] },
};

interface Made {
  readonly value: string;
  readonly expires_at: number;
  readonly session: Readonly<Record<string, unknown>>;
}

async function make(gateway: GatewayProcess, body: unknown, token = 'admin-token') {
  const response = await fetch(`${await gateway.url()}/v1/realtime/client_secrets`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  const answer = (await response.json()) as Made & { readonly error?: { readonly code: string } };
  return { status: response.status, code: answer.error?.code, ...answer };
}

test('it opens the session it was made for, and nothing else', async () => {
  await using gateway = await GatewayProcess.start({ config });
  const url = await gateway.url();
  const session = {
    type: 'realtime',
    model: 'other',
    instructions: 'Be brief.',
    audio: { input: { turn_detection: null } },
  };
  const made = await make(gateway, { expires_after: { anchor: 'created_at', seconds: 60 }, session });
  expect(made).toMatchObject({
    status: 200,
    value: expect.stringMatching(/^ek_/),
    session: { object: 'realtime.session', model: 'other', instructions: 'Be brief.' },
  });
  expect(made.expires_at - Date.now() / 1000).toBeGreaterThan(50);
  await using caller = await Caller.call(url, `?token=${made.value}`);
  expect(await caller.event('session.created')).toMatchObject({
    session: { model: 'other', instructions: 'Be brief.', audio: { input: { turn_detection: null } } },
  });
  // As the SDKs for pages do it, twice with the same one.
  await using again = await Caller.call(url, '', ['realtime', `openai-insecure-api-key.${made.value}`]);
  await again.event('session.created');
  for (const path of ['/v1/models', '/v1/health', '/api/tree', '/api/sessions']) {
    const { status } = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${made.value}` } });
    expect(status, path).toBe(401);
  }
  expect((await make(gateway, {}, made.value)).code).toBe('unauthorized');
  expect((await make(gateway, {}, 'caller-token')).code).toBe('unauthorized');
});

test('after its time it opens nothing', async () => {
  await using gateway = await GatewayProcess.start({ config });
  const url = await gateway.url();
  const { value } = await make(gateway, { expires_after: { seconds: 10 } });
  await using caller = await Caller.call(url, `?token=${value}`);
  await until(
    async () => {
      const probe = await Caller.call(url, `?token=${value}`).catch(() => undefined);
      await probe?.[Symbol.asyncDispose]();
      return !probe;
    },
    { timeoutMs: 15_000, what: 'the secret to expire' },
  );
  // Who is in stays in.
  expect(caller.closed).toBeUndefined();
}, 30_000);

test('what is asked for wrongly is refused with a code', async () => {
  await using gateway = await GatewayProcess.start({ config });
  const refusals: readonly (readonly [body: unknown, code: string])[] = [
    ['{', 'invalid_request'],
    [[], 'invalid_request'],
    [{ unknown: 1 }, 'invalid_request'],
    [{ expires_after: { seconds: 9 } }, 'invalid_request'],
    [{ expires_after: { seconds: 7201 } }, 'invalid_request'],
    [{ expires_after: { anchor: 'never' } }, 'invalid_request'],
    [{ session: { instructions: 7 } }, 'invalid_request'],
    [{ session: { misspelt: 1 } }, 'invalid_request'],
    [{ session: { model: 'nobody' } }, 'model_not_found'],
    [`{"session":{"instructions":"${'x'.repeat(1_100_000)}"}}`, 'body_too_large'],
  ];
  for (const [body, code] of refusals)
    expect((await make(gateway, body)).code, String(body).slice(0, 80)).toBe(code);
});
