// Many recordings at once, recordings of bridged calls, and what becomes of old ones.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseWav } from '../../src/audio/wav.ts';
import { Caller } from '../support/caller.ts';
import { testFolder } from '../support/folder.ts';
import { Lateness } from '../support/lateness.ts';
import { paced, until } from '../support/poll.ts';
import {
  fetched,
  leave,
  noise,
  post,
  quietCaller,
  recorded,
  recordings,
  speak,
  type Take,
  take,
  takes,
  up,
} from '../support/recorded.ts';
import { bridgedCall } from '../support/upstream/bridged-call.ts';

test('twenty sessions are recorded at once, whole; who is beside them is not kept waiting', async () => {
  await using folder = await testFolder();
  await using gateway = await up(folder);
  await gateway.event('ready');
  await using stack = new AsyncDisposableStack();
  const callers = await Promise.all(
    Array.from({ length: 20 }, async (_, index) => {
      const { caller, session } = await quietCaller(gateway);
      stack.use(caller);
      return { caller, session, pcm: noise(480 * 100, index + 1) };
    }),
  );
  const beside = stack.use((await quietCaller(gateway)).caller);
  for (const { session } of callers)
    expect(await post(gateway, session, true)).toMatchObject({ body: { state: 'on' } });

  const waitedMs: number[] = [];
  await using machine = new Lateness();
  let frame = 0;
  for await (const _ of paced(20)) {
    if (frame === 100) break;
    for (const { caller, pcm } of callers) speak(caller, pcm.subarray(frame * 480, (frame + 1) * 480), 960);
    frame += 1;
    if (frame % 5 > 0) continue;
    const before = beside.all('input_audio_buffer.cleared').length;
    const askedMs = performance.now();
    beside.send({ type: 'input_audio_buffer.clear' });
    await until(() => beside.all('input_audio_buffer.cleared').length > before, {
      timeoutMs: 5000,
      what: 'the answer to who is beside them',
    });
    waitedMs.push(performance.now() - askedMs);
  }
  expect(Math.max(...waitedMs)).toBeLessThan(100 + machine.worstMs);
  for (const { session, pcm } of callers) {
    await take(gateway, (one) => one.session === session && one.caller.samples === pcm.length);
    expect(await post(gateway, session, false)).toMatchObject({ body: { state: 'off' } });
    const { bytes } = await fetched(gateway, `/api/recordings/${session}/1/audio`);
    expect([...parseWav(bytes).pcm]).toEqual([...pcm]);
  }
});

test('a bridged call is recorded too: upstream hears nothing of it, and formats hold from where they are asked for', async () => {
  await using call = await bridgedCall({ config: { sessions: { record: true } } });
  const { caller, connection, gateway } = call;
  await caller.event('greenroom.notice', ({ state }) => state === 'on');
  caller.send({
    type: 'session.update',
    session: {
      type: 'realtime',
      audio: { input: { format: { type: 'audio/pcmu' } } },
      greenroom: { record: true },
    },
  });
  caller.send({
    type: 'input_audio_buffer.append',
    audio: Buffer.alloc(8000, 0x55).toString('base64'),
  });
  caller.send({ type: 'input_audio_buffer.commit' });
  await caller.event('input_audio_buffer.committed');
  expect(JSON.stringify(connection.model.received)).not.toContain('greenroom');
  const id = gateway.gateway.sessions()[0]?.id;
  const off = await fetch(`${gateway.url}/api/sessions/${id}/recording`, {
    method: 'POST',
    body: '{"on":false}',
  });
  expect(off.status).toBe(200);
  const response = await fetch(`${gateway.url}/api/recordings/${id}/1`);
  expect(await response.json()).toMatchObject({
    state: 'finished',
    reason: 'switched_off',
    caller: { samples: 24_000, formats: ['audio/pcmu'] },
  });
  caller.send({ type: 'session.update', session: { type: 'realtime', greenroom: { record: 1 } } });
  expect(await caller.event('error')).toMatchObject({
    error: { code: 'invalid_value', param: 'session.greenroom' },
  });
});

test('a client secret says whether its session is recorded; an upstream is not told', async () => {
  await using call = await bridgedCall();
  const { gateway, upstream } = call;
  const secret = await fetch(`${gateway.url}/v1/realtime/client_secrets`, {
    method: 'POST',
    body: JSON.stringify({
      session: { type: 'realtime', instructions: 'Be brief.', greenroom: { record: true } },
    }),
  });
  const { value, session } = (await secret.json()) as { value: string; session: object };
  expect(session).not.toHaveProperty('greenroom');
  await using caller = await Caller.call(gateway.url, `?notices=1&token=${value}`);
  expect(await caller.event('greenroom.notice')).toMatchObject({ code: 'recording', state: 'on', take: 1 });
  const connection = await until(() => upstream.connections[1], { timeoutMs: 5000, what: 'the second call' });
  await until(() => JSON.stringify(connection.model.received).includes('Be brief.'), {
    timeoutMs: 5000,
    what: 'the session that the secret says',
  });
  expect(JSON.stringify(connection.model.received)).not.toContain('greenroom');
});

test('its life is told as events, without what was said', async () => {
  await using folder = await testFolder();
  await using gateway = await up(folder);
  await gateway.event('ready');
  const url = await gateway.url();
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/events?topics=greenroom.recording.>`);
  const seen: Readonly<Record<string, unknown>>[] = [];
  socket.onmessage = ({ data }) => {
    for (const line of String(data).split('\n')) if (line !== '') seen.push(JSON.parse(line));
  };
  await until(() => seen.length > 0, { timeoutMs: 5000, what: 'the welcome' });
  const { caller, session } = await quietCaller(gateway);
  await using _ = caller;
  await post(gateway, session, true);
  caller.send({
    type: 'conversation.item.create',
    item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'a secret' }] },
  });
  await caller.event('conversation.item.done');
  await post(gateway, session, false);
  await fetch(`${url}/api/recordings/${session}/1`, { method: 'DELETE' });
  const told = () => seen.filter(({ topic }) => topic !== undefined);
  await until(() => told().length === 3, { timeoutMs: 5000, what: 'three events' });
  const words = ['started', 'ended', 'removed'].map((word) => `greenroom.recording.${word}`);
  expect(told().map(({ topic }) => topic)).toEqual(words);
  expect(told()[1]).toMatchObject({ data: { id: `${session}/1`, reason: 'switched_off', code: null } });
  expect(JSON.stringify(seen)).not.toContain('a secret');
  socket.close();
});

test('only so many are kept: the oldest go, at the start and after each take; what is not ours stays', async () => {
  await using folder = await testFolder();
  const config = { ...recorded, recordings: { count: 2 } };
  const ids: string[] = [];
  {
    await using gateway = await up(folder, { config });
    await gateway.event('ready');
    await using staying = (await quietCaller(gateway)).caller;
    expect(staying.closed).toBeUndefined();
    for (let index = 0; index < 3; index += 1) {
      const { caller, session } = await quietCaller(gateway);
      await using _ = caller;
      caller.socket.close();
      await take(gateway, (one) => one.session === session && one.state === 'finished');
      ids.push(session);
    }
    // The one under way is the oldest, counts, and stays.
    await until(async () => (await takes(gateway)).length === 2, { timeoutMs: 5000, what: 'two takes' });
    const kept = (await takes(gateway)).map(({ session, state }) => [session, state]);
    expect(kept[0]).toEqual([ids[2], 'finished']);
    expect(kept[1]?.[1]).toBe('recording');
    expect(await leave(gateway)).toMatchObject({ code: 0 });
  }
  const root = recordings(folder);
  // Somebody's own, in a folder that looks like ours and in one of ours.
  await folder.write('data/recordings/sess_theirs/1/metadata.json', '{"kind":"something else"}');
  await writeFile(join(root, ids[2] ?? '', 'notes.txt'), 'mine');
  const before = await readdir(root);
  expect(before).toHaveLength(4);
  await using again = await up(folder, { config: { ...recorded, recordings: { count: 1 } } });
  await again.event('ready');
  await until(async () => (await takes(again)).length === 1, { timeoutMs: 5000, what: 'one take' });
  const [last] = await takes(again);
  expect(last).toMatchObject({ reason: 'server_shutdown' } satisfies Partial<Take>);
  expect((await readdir(root)).sort()).toEqual(
    ['.take-numbers', ids[2], 'sess_theirs', last?.session].sort(),
  );
  expect(await readdir(join(root, ids[2] ?? ''))).toEqual(['notes.txt']);
  expect(await readFile(join(root, 'sess_theirs', '1', 'metadata.json'), 'utf8')).toContain('something else');
});
