// What was said, found again: sessions of a real gateway listed, read, searched, exported and removed, also after a restart.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type TestFolder, testFolder } from '../support/folder.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';
import { answered, leave, post, quietCaller, recorded, take, takes, up } from '../support/recorded.ts';

interface Listed {
  readonly id: string;
  readonly state: string;
  readonly recordings: number | null;
  readonly matches?: readonly { readonly excerpt: string; readonly role: string }[];
}

async function listed(gateway: GatewayProcess, query = '') {
  const { status, body } = await gateway.json(`/api/sessions${query}`);
  expect(status, JSON.stringify(body)).toBe(200);
  return body as { readonly data: readonly Listed[]; readonly nextCursor: string | null };
}

const ids = async (gateway: GatewayProcess, query = '') =>
  (await listed(gateway, query)).data.map(({ id }) => id);

/** A call that says something, and is over. @returns its session */
async function call(gateway: GatewayProcess, ...texts: readonly string[]): Promise<string> {
  const { caller, session } = await quietCaller(gateway);
  for (const text of texts) await answered(caller, text);
  await caller[Symbol.asyncDispose]();
  await until(async () => !(await ids(gateway)).includes(session), {
    timeoutMs: 10_000,
    what: `the end of ${session}`,
  });
  return session;
}

async function download(gateway: GatewayProcess, path: string) {
  const response = await fetch(`${await gateway.url()}${path}`);
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** Everything of the database that is on the disk. */
async function databaseBytes(folder: TestFolder): Promise<string> {
  const data = join(folder.path, 'data');
  const names = (await readdir(data)).filter((name) => name.startsWith('greenroom.db'));
  expect(names).toContain('greenroom.db');
  const files = await Promise.all(names.map((name) => readFile(join(data, name), 'latin1')));
  return files.join('\n').toLowerCase();
}

test('sessions are found by when, pipeline, words and state, page by page, open or not, before and after a restart', async () => {
  await using folder = await testFolder();
  await using gateway = await up(folder);
  await gateway.event('ready');
  const first = await call(gateway, 'the quick brown fox');
  const second = await call(gateway, 'Das Geräusch war ein Café', 'and more');
  const { caller, session: open } = await quietCaller(gateway);
  await using _ = caller;
  await answered(caller, 'a fox is here still');

  // As it was: who is here.
  expect(await ids(gateway)).toEqual([open]);
  expect(await ids(gateway, '?state=ended')).toEqual([second, first]);
  expect(await ids(gateway, '?state=all')).toEqual([open, second, first]);
  expect(await ids(gateway, '?q=fox')).toEqual([open, first]);
  expect(await ids(gateway, '?q=fox&state=ended')).toEqual([first]);
  // Accents are none, and the beginning of a word will do.
  expect(await ids(gateway, '?q=gerausch+CAFE')).toEqual([second]);
  expect(await ids(gateway, '?q=quick+fo')).toEqual([first]);
  expect(await ids(gateway, '?q=fox+cafe')).toEqual([]);
  expect(await ids(gateway, '?state=all&pipeline=nobody')).toEqual([]);
  expect(await ids(gateway, `?until=${Date.now() - 3_600_000}`)).toEqual([]);
  expect(await ids(gateway, '?since=2020-01-01')).toHaveLength(3);
  const [{ matches = [] } = {}] = (await listed(gateway, '?q=brown')).data;
  expect(matches).toMatchObject([
    { role: 'user', excerpt: 'the quick brown fox' },
    { role: 'assistant', excerpt: 'the quick brown fox' },
  ]);

  const page = await listed(gateway, '?state=all&limit=2');
  expect(page.data.map(({ id }) => id)).toEqual([open, second]);
  // What comes meanwhile, and what goes, moves nothing.
  const late = await call(gateway, 'later');
  expect((await gateway.json(`/api/sessions/${second}`, { method: 'DELETE' })).status).toBe(200);
  expect(await ids(gateway, `?cursor=${page.nextCursor}`)).toEqual([first]);
  expect((await listed(gateway, `?cursor=${page.nextCursor}`)).nextCursor).toBeNull();

  const { body } = await gateway.json(`/api/sessions/${first}`);
  expect(body).toMatchObject({
    session: { id: first, state: 'closed', reason: 'client_left', items: 2, answers: 1, pendingBytes: 0 },
    items: [
      { role: 'user', text: 'the quick brown fox', type: 'message', deletedAtMs: null },
      { role: 'assistant', source: null },
    ],
    nextCursor: null,
  });
  const items = await gateway.json(`/api/sessions/${first}/items?limit=1`);
  expect(items.body).toMatchObject({ data: [{ role: 'user' }], nextCursor: '1' });
  const rest = await gateway.json(`/api/sessions/${first}/items?cursor=1`);
  expect(rest.body).toMatchObject({ data: [{ role: 'assistant' }], nextCursor: null });
  await leave(gateway);

  await using next = await up(folder);
  await next.event('ready');
  expect(await ids(next)).toEqual([]);
  expect(await ids(next, '?state=all')).toEqual([late, open, first]);
  expect(await ids(next, '?q=fox')).toEqual([open, first]);
  const runs = await next.json('/api/engines/voice/runs');
  expect(runs.body).toMatchObject({ data: [{ outcome: null }, { outcome: 'stopped', engine: 'voice' }] });
});

test('what cannot be asked is refused with what can, and words that FTS would take for more are words', async () => {
  await using folder = await testFolder();
  await using gateway = await up(folder);
  await gateway.event('ready');
  const session = await call(gateway, 'NEAR text AND "quoted" col:umn');
  const hostile = [
    '"',
    'NEAR(',
    'text AND',
    'text NOT',
    'col:umn',
    '"quoted',
    '*',
    '^text',
    "'; --",
    '{a b}:c',
    '\u0000text',
  ];
  for (const q of hostile) {
    const { status, body } = await gateway.json(`/api/sessions?q=${encodeURIComponent(q)}`);
    expect([200, 400], `${q}: ${JSON.stringify(body)}`).toContain(status);
    if (/\w/.test(q) && !/--|a b|NOT/.test(q))
      expect((body as { data: Listed[] }).data, q).toMatchObject([{ id: session }]);
  }
  for (const query of ['state=some', 'limit=0', 'limit=1001', 'since=yesterday', 'cursor=x', 'q=%2A']) {
    const { status, body } = await gateway.json(`/api/sessions?${query}`);
    expect({ status, body }, query).toMatchObject({
      status: 400,
      body: { error: { code: 'invalid_request' } },
    });
  }
  for (const path of [
    '/api/sessions/sess_0',
    '/api/sessions/sess_0/items',
    '/api/sessions/sess_0/export',
    '/api/engines/none/runs',
  ])
    expect(await gateway.json(path)).toMatchObject({ status: 404, body: { error: { code: 'not_found' } } });
  expect(await gateway.json(`/api/sessions/${session}/export?take=1`)).toMatchObject({ status: 404 });
  expect(await gateway.json(`/api/sessions/${session}/export?format=srt`)).toMatchObject({ status: 400 });
});

test('a session is exported as data, text and subtitles, also while it is open', async () => {
  await using folder = await testFolder();
  await using gateway = await up(folder);
  await gateway.event('ready');
  const { caller, session } = await quietCaller(gateway);
  await using _ = caller;
  await answered(caller, 'is 1 < 2 && 3 --> 4?');
  const json = await download(gateway, `/api/sessions/${session}/export`);
  expect(json.headers.get('content-disposition')).toBe(`attachment; filename="${session}.json"`);
  expect(JSON.parse(json.text)).toMatchObject({
    format: 'greenroom-session',
    session: { id: session, state: 'open', pipeline: 'default' },
    items: [{ role: 'user', text: 'is 1 < 2 && 3 --> 4?' }, { role: 'assistant' }],
  });
  const text = await download(gateway, `/api/sessions/${session}/export?format=text`);
  expect(text.headers.get('content-type')).toContain('text/plain');
  expect(text.text).toContain(`Session ${session}, pipeline default`);
  expect(text.text).toMatch(/\n\[00:00:\d\d\] Caller: is 1 < 2 && 3 --> 4\?\n\[00:00:\d\d\] Assistant: /);
  const vtt = await download(gateway, `/api/sessions/${session}/export?format=vtt`);
  expect(vtt.headers.get('content-type')).toContain('text/vtt');
  expect(vtt.text.startsWith('WEBVTT\n\n')).toBe(true);
  expect(vtt.text).toMatch(
    /\n00:00:\d\d\.\d{3} --> 00:00:\d\d\.\d{3}\n<v Caller>is 1 &lt; 2 &amp;&amp; 3 --&gt; 4\?\n/,
  );
});

test('deletion deletes: rows, words, recordings and their files; an open session stays; numbers are not used again', async () => {
  await using folder = await testFolder();
  await using gateway = await up(folder, { config: recorded });
  await gateway.event('ready');
  const kept = await call(gateway, 'something harmless');
  const { caller, session } = await quietCaller(gateway);
  await using _ = caller;
  for (const round of [1, 2, 3]) await answered(caller, `the password is qzxvjkwp round ${round}`);
  const refused = await gateway.json(`/api/sessions/${session}`, { method: 'DELETE' });
  expect(refused).toMatchObject({ status: 409, body: { error: { code: 'session_open' } } });
  expect(await databaseBytes(folder)).toContain('qzxvjkwp');
  await post(gateway, session, false);
  // Its first take goes, and the next one is the second.
  expect((await gateway.json(`/api/recordings/${session}/1`, { method: 'DELETE' })).status).toBe(200);
  expect(await post(gateway, session, true)).toMatchObject({ body: { take: 2 } });
  await caller[Symbol.asyncDispose]();
  await take(gateway, ({ id, state }) => id === `${session}/2` && state === 'finished');
  await until(async () => (await listed(gateway, '?q=qzxvjkwp')).data[0]?.state === 'closed', {
    timeoutMs: 10_000,
    what: 'the end of the session',
  });
  expect((await listed(gateway, '?q=password')).data).toMatchObject([{ id: session, recordings: 1 }]);

  const gone = await gateway.json(`/api/sessions/${session}`, { method: 'DELETE' });
  expect(gone).toMatchObject({ status: 200, body: { id: session, deleted: true, items: 6, recordings: 1 } });
  expect(await databaseBytes(folder)).not.toContain('zxvjkwp');
  expect(await databaseBytes(folder)).toContain('something harmless');
  expect(await ids(gateway, '?state=all')).toEqual([kept]);
  expect(await ids(gateway, '?q=password')).toEqual([]);
  expect((await takes(gateway)).map((one) => one.session)).toEqual([kept]);
  expect(await readdir(join(folder.path, 'data', 'recordings'))).toEqual(['.take-numbers', kept]);
  expect(await gateway.json(`/api/sessions/${session}`)).toMatchObject({ status: 404 });
  const again = await gateway.json(`/api/sessions/${session}`, { method: 'DELETE' });
  expect(again).toMatchObject({ status: 200, body: { deleted: true, items: 0, recordings: 0 } });
  await leave(gateway);
  expect(await databaseBytes(folder)).not.toContain('zxvjkwp');
});
