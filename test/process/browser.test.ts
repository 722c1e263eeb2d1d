// The client library in a real browser: an echo call, and a gateway that leaves while the page streams its microphone.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { findBrowser, openPage } from '../support/browser.ts';
import { startCascade } from '../support/cascade-process.ts';
import { bin, fixture, GatewayProcess } from '../support/gateway-process.ts';

const browser = await findBrowser();
const withBrowser = test.skipIf(!browser);
if (!browser) console.warn('skipped: no Chromium here (Debian: apt-get install chromium)');

interface PageWorld {
  type(url: string): Promise<{ readonly said: string; readonly samples: number; readonly cause: string }>;
  stream(url: string): Promise<void>;
  plain(
    url: string,
    key: string,
    line: string,
  ): Promise<{
    readonly said: string;
    readonly audioBytes: number;
    readonly types: readonly string[];
    readonly protocol: string;
    readonly code: number;
  }>;
}

async function openCalls() {
  const script = (path: string) => ({ type: 'text/javascript', body: readFileSync(path) });
  const html =
    '<!doctype html><title>call</title><link rel="icon" href="data:,"><script type="module" src="/calls.js"></script>';
  const tab = await openPage(browser ?? '', {
    '/': { type: 'text/html', body: html },
    '/calls.js': script(fixture('page/calls.mjs')),
    '/client.js': script(bin.replace('main.js', 'client.js')),
  });
  await tab.page.waitForFunction('globalThis.loaded');
  return tab;
}

withBrowser('a page types a line and hears it', async () => {
  await using gateway = await GatewayProcess.start();
  await using tab = await openCalls();
  const heard = await tab.page.evaluate(
    (url) => (globalThis as unknown as PageWorld).type(url),
    await gateway.url(),
  );
  expect(heard).toMatchObject({ said: 'Hello from a browser.', cause: 'asked' });
  expect(heard.samples).toBeGreaterThan(10_000);
  expect(tab.faults).toEqual([]);
});

withBrowser('a page that knows nothing of us talks to a cascade, with a key in its subprotocol', async () => {
  await using gateway = await startCascade('nobody speaks', {
    config: {
      auth: { tokens: ['caller-token'], admin: ['admin-token'] },
    },
  });
  await gateway.event('ready');
  const { body } = await gateway.json('/v1/realtime/client_secrets', {
    method: 'POST',
    headers: { authorization: 'Bearer admin-token', 'content-type': 'application/json' },
    body: JSON.stringify({ session: { type: 'realtime', instructions: 'Eve:' } }),
  });
  await using tab = await openCalls();
  const call = (key: string) =>
    tab.page.evaluate(
      (url, secret) => (globalThis as unknown as PageWorld).plain(url, secret, 'Hello from a page'),
      url,
      key,
    );
  const url = await gateway.url();
  const heard = await call((body as { readonly value: string }).value);
  expect(heard).toMatchObject({
    ...{ said: 'Eve: You said: Hello from a page.', protocol: 'realtime', code: 1000 },
  });
  expect(heard.audioBytes / 48_000).toBeGreaterThan(1);
  // What each of them is for: ARCHITECTURE.md has the order that clients are written against.
  expect(heard.types.filter((type) => !/delta$|done$/.test(type))).toEqual([
    ...['session.created', 'conversation.created', 'conversation.item.added', 'response.created'],
    ...['response.output_item.added', 'conversation.item.added', 'response.content_part.added'],
  ]);
  expect(heard.types.filter((type) => /done$/.test(type))).toEqual([
    'conversation.item.done',
    ...['response.output_audio.done', 'response.output_audio_transcript.done', 'response.content_part.done'],
    ...['response.output_item.done', 'conversation.item.done', 'response.done'],
  ]);
  expect(tab.faults).toEqual([]);
  await expect(call('wrong')).rejects.toThrow('the connection failed');
});

withBrowser('the gateway leaves while a page streams its microphone: all ends in order', async () => {
  await using gateway = await GatewayProcess.start();
  await gateway.event('ready');
  await using tab = await openCalls();
  await tab.page.evaluate((url) => (globalThis as unknown as PageWorld).stream(url), await gateway.url());
  await tab.page.waitForFunction('sent > 24000');
  const askedMs = performance.now();
  gateway.child.kill('SIGTERM');
  expect(await gateway.end(askedMs)).toMatchObject({ code: 0 });
  expect(await tab.page.evaluate('ended')).toEqual({ cause: 'shutdown', closeCode: 1001 });
  await tab.page.waitForFunction("order.includes('audio closed')");
  const order = (await tab.page.evaluate('order')) as string[];
  expect(order.slice(0, 2)).toEqual(['server_shutdown', 'microphone stopped']);
  // Nothing was left unhandled.
  expect([...order.slice(2)].sort()).toEqual(['audio closed', 'closed']);
  expect(tab.faults).toEqual([]);
});

/** What the page does, as a user would write it: no library. */
const watchAsPage = `async (url) => {
  const topic = (await (await fetch(url + '/v1/events', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ topic: 'door.front', data: { open: true } }),
  })).json()).accepted;
  const source = new EventSource(url + '/v1/events?topics=door.*&snapshot=1');
  const first = await new Promise((resolve, reject) => {
    source.onmessage = ({ data, lastEventId }) => resolve({ ...JSON.parse(data), lastEventId });
    source.onerror = () => reject(new Error('the stream failed'));
  });
  source.close();
  return { accepted: topic, ...first };
}`;

withBrowser('a page of another origin publishes by fetch and watches by EventSource', async () => {
  await using gateway = await GatewayProcess.start();
  await gateway.event('ready');
  await using tab = await openCalls();
  const seen = (await tab.page.evaluate(`(${watchAsPage})(${JSON.stringify(await gateway.url())})`)) as {
    readonly id: string;
  };
  expect(seen).toMatchObject({
    accepted: 1,
    topic: 'door.front',
    data: { open: true },
    lastEventId: seen.id,
  });
  expect(tab.faults).toEqual([]);
});
