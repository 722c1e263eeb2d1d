// Lost callers that come back, over real sockets.
import { spawn } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../../src/testing/index.ts';
import { Caller } from '../support/caller.ts';
import { fixture, GatewayProcess } from '../support/gateway-process.ts';
import { heldDoor } from '../support/held-door.ts';
import { until } from '../support/poll.ts';
import { SoundMachine } from '../support/sound.ts';
import { TalkProcess } from '../support/talk-process.ts';
import { bridgedCall } from '../support/upstream/bridged-call.ts';

const resumption = { type: 'session.update', session: { type: 'realtime', resumption: { enabled: true } } };

async function resumable(caller: Caller): Promise<string> {
  caller.send(resumption);
  await caller.event('session.updated', ({ session }) => JSON.stringify(session).includes('resumption'));
  const created = await caller.event('conversation.created');
  return (created['conversation'] as { readonly id: string }).id;
}

const sessionsOf = ({ gateway }: TestGateway) => gateway.sessions();

const away = (gateway: TestGateway) =>
  until(() => sessionsOf(gateway).find(({ state }) => state === 'away'), {
    timeoutMs: 10_000,
    what: 'the session to be away',
  });

function idOf(caller: Caller): string | undefined {
  return (caller.all('session.created').at(-1)?.['session'] as { readonly id: string } | undefined)?.id;
}

/** Names of what is open below the sessions. */
function legs(gateway: TestGateway): readonly string[] {
  return JSON.stringify(gateway.gateway.tree()).match(/leg \d+/g) ?? [];
}

describe('a socket that is destroyed in the middle of an answer', () => {
  test('the caller comes back to the answer, whole', async () => {
    await using gateway = await startGateway();
    await using caller = await Caller.call(gateway.url);
    const conversation = await resumable(caller);
    caller.say(
      'A line that is long enough to be in the middle of, when it is spoken back to whoever said it.',
    );
    await caller.event('response.output_audio.delta');
    caller.socket.terminate();
    expect(await away(gateway)).toMatchObject({ id: idOf(caller), awayLeftMs: expect.any(Number) });
    await using again = await Caller.call(gateway.url, `?conversation_id=${conversation}`);
    await again.event(
      'conversation.item.done',
      ({ item }) => (item as { role: string; status: string }).role === 'assistant',
    );
    expect(idOf(again)).toBe(idOf(caller));
    const [answer] = again
      .all('conversation.item.done')
      .filter(({ item }) => (item as { role: string }).role === 'assistant');
    expect(answer).toMatchObject({
      item: { status: 'completed', content: [{ transcript: expect.stringContaining('long enough') }] },
    });
    expect(again.all('conversation.item.added')).toHaveLength(2);
    again.say('And one more.');
    // The answer of before may end only now.
    await again.event('response.done', ({ response }) => JSON.stringify(response).includes('one more'));
    expect(sessionsOf(gateway)).toMatchObject([{ state: 'ready', items: 4, awayLeftMs: null }]);
    await until(() => legs(gateway).length === 1, { timeoutMs: 5000, what: 'the first leg to be gone' });
  });

  test('of a bridged call as well, and upstream sees none of it', async () => {
    await using call = await bridgedCall({ responds: 'told' });
    const { caller, gateway, connection } = call;
    const conversation = await resumable(caller);
    caller.say('Hello');
    await connection.get('response.create');
    connection.step(4);
    await caller.event('response.output_audio.delta');
    caller.socket.terminate();
    await away(gateway);
    await using again = await Caller.call(gateway.url, `?conversation_id=${conversation}&notices=1`);
    await again.event(
      'conversation.item.added',
      ({ item }) => (item as { role: string }).role === 'assistant',
    );
    expect(idOf(again)).toBe(idOf(caller));
    expect(again.all('session.created')).toMatchObject([{ session: { resumption: { enabled: true } } }]);
    connection.step(30);
    await again.event('response.done');
    expect(again.all('conversation.item.added')).toHaveLength(2);
    expect(call.upstream.connections).toHaveLength(1);
    expect(call.upstream.violations).toEqual([]);
    expect(JSON.stringify(connection.received('session.update'))).not.toContain('resumption');
  });
});

test('a client that is stopped is replaced: told so, and closed, when it looks again', async () => {
  await using gateway = await startGateway();
  const url = `${gateway.url.replace('http', 'ws')}/v1/realtime`;
  const lines: string[] = [];
  const child = spawn(process.execPath, [fixture('gateway/resuming-caller.mjs'), url]);
  child.stdout.on('data', (data: Buffer) => lines.push(...String(data).trim().split('\n')));
  using _ = { [Symbol.dispose]: () => void child.kill('SIGKILL') };
  await until(() => lines.includes('resumable'), {
    timeoutMs: 20_000,
    what: 'a session that can be resumed',
  });
  child.kill('SIGSTOP');
  await using caller = await Caller.call(gateway.url, `?conversation_id=${lines[0]}&notices=1`);
  await caller.event(
    'conversation.created',
    ({ conversation }) => (conversation as { id: string }).id === lines[0],
  );
  expect(sessionsOf(gateway)).toMatchObject([{ awayLeftMs: null }]);
  // Its close frame is not answered, so it is ended.
  await until(() => legs(gateway).length === 1, { timeoutMs: 10_000, what: 'its leg to be gone' });
  child.kill('SIGCONT');
  await until(() => lines.some((line) => /^closed (4409|1006)$/.test(line)), {
    timeoutMs: 10_000,
    what: () => `its end, after ${lines.join(', ')}`,
  });
  caller.say('Still here?');
  await caller.event('response.done');
});

test('a client that reads is told that it is replaced, and by which code', async () => {
  await using gateway = await startGateway();
  await using caller = await Caller.call(gateway.url);
  const conversation = await resumable(caller);
  await using again = await Caller.call(gateway.url, `?conversation_id=${conversation}`);
  expect(await caller.ended()).toMatchObject({ code: 4409 });
  await caller.event('greenroom.notice', ({ code }) => code === 'replaced');
  await again.event('conversation.created');
  expect(sessionsOf(gateway)).toHaveLength(1);
});

test('only who opened it comes back: another token, a client secret and a made-up id get a new session', async () => {
  const config = {
    engines: { voice: { worker: fixture('gateway/tone.mjs') }, activity: { builtin: 'silero' } },
    pipelines: { default: { kind: 'echo', speak: 'voice', vad: 'activity' } },
    auth: { tokens: ['first-token', 'second-token'], admin: ['admin-token'] },
    sessions: { resume: '20s' },
  };
  await using gateway = await GatewayProcess.start({ config });
  const url = await gateway.url();
  await using caller = await Caller.call(url, '?token=first-token');
  const conversation = await resumable(caller);
  caller.socket.terminate();
  const headers = { authorization: 'Bearer admin-token', 'content-type': 'application/json' };
  const made = await fetch(`${url}/v1/realtime/client_secrets`, { method: 'POST', headers, body: '{}' });
  const { value } = (await made.json()) as { readonly value: string };
  const strangers = [
    `?token=second-token&conversation_id=${conversation}`,
    `?token=${value}&conversation_id=${conversation}`,
    '?token=first-token&conversation_id=conv_0123456789abcdef0123456789abcdef',
  ];
  for (const query of strangers) {
    await using stranger = await Caller.call(url, query);
    await stranger.event('session.created');
    expect(stranger.all('error'), query).toMatchObject([{ error: { code: 'conversation_expired' } }]);
    expect(idOf(stranger), query).not.toBe(idOf(caller));
  }
  await until(
    async () => {
      const answer = await fetch(`${url}/api/sessions`, { headers });
      const { data } = (await answer.json()) as { readonly data: readonly { state: string; id: string }[] };
      return data.find(({ id }) => id === idOf(caller))?.state === 'away';
    },
    { timeoutMs: 10_000, what: 'the session to be shown as away' },
  );
  await using again = await Caller.call(url, `?token=first-token&conversation_id=${conversation}`);
  await again.event('conversation.created');
  expect(idOf(again)).toBe(idOf(caller));
  // A secret comes back to its own.
  await using page = await Caller.call(url, `?token=${value}`);
  const pages = await resumable(page);
  page.socket.terminate();
  await using pageAgain = await Caller.call(url, `?token=${value}&conversation_id=${pages}`);
  await pageAgain.event('conversation.created');
  expect(idOf(pageAgain)).toBe(idOf(page));
});

test('`talk` that is cut off goes on with its conversation', async () => {
  await using gateway = await GatewayProcess.start();
  await gateway.event('ready');
  await using door = await heldDoor(await gateway.url());
  door.open();
  const args = ['--no-mic', '--url', door.url, '--timeout', '30s'];
  const { env } = await SoundMachine.in(gateway.folder);
  await using talk = new TalkProcess({ args, cwd: gateway.folder.path, env });
  await talk.event('started');
  talk.type('First line.');
  await talk.event('answer', ({ transcript }) => transcript === 'First line.');
  door.cut();
  await talk.event('resumed');
  talk.type('Second line.');
  await talk.event('answer', ({ transcript }) => transcript === 'Second line.');
  expect(talk.all('answer')).toHaveLength(2);
  const sessions = (await gateway.json('/api/sessions')) as { body: { data: { items: number }[] } };
  expect(sessions.body.data).toMatchObject([{ items: 4, awayLeftMs: null }]);
  talk.type('/quit');
  expect(await talk.ended()).toMatchObject({ code: 0 });
});

test('a shutdown while callers are away takes no longer for it, and leaves nothing', async () => {
  await using gateway = await GatewayProcess.start();
  const url = await gateway.url();
  for (let index = 0; index < 5; index += 1) {
    await using caller = await Caller.call(url);
    await resumable(caller);
    caller.socket.terminate();
  }
  gateway.child.kill('SIGTERM');
  expect(await gateway.exited).toMatchObject({ code: 0 });
});
