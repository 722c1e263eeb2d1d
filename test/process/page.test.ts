// The client library as a page has it: the built file, in a context with what browsers have and nothing of Node's.
import { createContext, runInContext } from 'node:vm';
import { rolldown } from 'rolldown';
import { expect, test } from 'vitest';
import { bin, GatewayProcess } from '../support/gateway-process.ts';
import { fakeHub, welcome } from '../unit/client/hub/fake-hub.ts';

/** What a page may rely on, by name; `fetch` and `WebSocket` are the real ones. */
const pageGlobals = {
  ...{
    WebSocket,
    fetch,
    URL,
    URLSearchParams,
    AbortController,
    TextDecoder,
    TextEncoder,
    crypto,
    performance,
  },
  ...{ setTimeout, clearTimeout, queueMicrotask, atob, btoa },
};

async function inPage(code: string, globals: object): Promise<unknown> {
  const build = await rolldown({ input: bin.replace('main.js', 'client.js'), platform: 'browser' });
  const { output } = await build.generate({ format: 'iife', name: 'greenroom' });
  await build.close();
  const [{ code: library, imports }] = output;
  expect(imports).toEqual([]);
  const context = createContext({ ...globals });
  runInContext(library, context);
  return runInContext(`(async () => { ${code} })()`, context);
}

test('a page without anything of Node makes a call: a line is kept, sent, spoken, and the end is clean', async () => {
  await using gateway = await GatewayProcess.start();
  const code = `
    if (typeof process !== 'undefined' || typeof Buffer !== 'undefined' || typeof require !== 'undefined')
      throw new Error('this is no page');
    const connection = greenroom.connect({ url });
    const said = connection.say('Hello from a page.');
    connection.append(new Int16Array(480));
    const heard = { text: '', samples: 0, line: '' };
    connection.on('client.line', ({ itemId, state }) => { if (itemId === said.itemId) heard.line = state; });
    connection.on('response.output_audio.delta', ({ delta }) => { heard.samples += greenroom.decodeAudio(delta).length; });
    for await (const event of connection) {
      if (event.type === 'response.output_audio_transcript.done') heard.text = event.transcript;
      if (event.type === 'response.done') break;
    }
    const end = await connection.close(4000, 'é'.repeat(100));
    return { ...heard, state: said.state, cause: end.cause, code: end.code };`;
  const result = await inPage(code, { ...pageGlobals, url: await gateway.url() });
  expect(result).toMatchObject({
    text: 'Hello from a page.',
    line: 'delivered',
    state: 'kept',
    cause: 'asked',
    code: 4000,
  });
  expect((result as { samples: number }).samples).toBeGreaterThan(10_000);
});

test('where there is no WebSocket a page is told so, and an address relative to the page is one', async () => {
  const code = `
    try { greenroom.connect({ url: '/v1/realtime' }); } catch (error) { return error.code + ': ' + error.message; }`;
  expect(await inPage(code, { ...pageGlobals, WebSocket: undefined })).toBe(
    'bad_usage: there is no global WebSocket here; pass one',
  );
  expect(await inPage(code, pageGlobals)).toBe(
    'bad_usage: "/v1/realtime" is not a URL; expected one such as ws://127.0.0.1:7460',
  );
  const calls: unknown[] = [];
  const globals = {
    ...pageGlobals,
    location: { href: 'https://host/console/' },
    WebSocket: class {
      readyState = 0;
      constructor(url: string) {
        calls.push(url);
      }
      addEventListener(): void {
        // Never opens.
      }
      removeEventListener(): void {
        // Nothing to undo.
      }
      close(): void {
        this.readyState = 3;
      }
    },
  };
  await inPage(`await greenroom.connect({ url: '/v1/realtime' }).close();`, globals);
  expect(calls).toEqual(['wss://host/v1/realtime?notices=1']);
});

test.each(['websocket', 'sse'])('a page watches events and publishes, over %s', async (transport) => {
  await using hub = await fakeHub({
    onWatch(watcher, count) {
      watcher.control(welcome());
      watcher.event(`one.${count}`, 'a', { text: 'é😀' });
    },
    onRequest(request, watcher) {
      if (request.type === 'publish')
        watcher.control({ type: 'published', id: 'one.1', ref: request.ref ?? '' });
    },
  });
  const code = `
    const stream = greenroom.events(url, { transport, reconnect: { firstMs: 10 } });
    const published = await stream.publish({ topic: 'a', data: 1 });
    const seen = [];
    for await (const { id, data } of stream) {
      seen.push(id, data.text);
      if (seen.length > 2) break;
      cut();
    }
    return { published, seen, cause: (await stream.closed).cause };`;
  const globals = { ...pageGlobals, url: hub.url, transport, cut: () => hub.watchers[0]?.cut() };
  const seen = ['one.1', 'é😀', 'one.2', 'é😀'];
  expect(await inPage(code, globals)).toEqual({ published: 'one.1', seen, cause: 'asked' });
});
