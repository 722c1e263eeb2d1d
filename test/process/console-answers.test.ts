// What somebody who is new here learns from the console, of which nothing but the text is read, and what a microphone gets.
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseWav, writeWav } from '../../src/audio/wav.ts';
import { slowWatcher } from '../../src/testing/index.ts';
import { findBrowser } from '../support/browser.ts';
import { speech, startCascade } from '../support/cascade-process.ts';
import { ConsolePage } from '../support/console-page.ts';
import { fixture, GatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';
import { fetched, take } from '../support/recorded.ts';

const browser = (await findBrowser()) ?? '';
const withBrowser = test.skipIf(browser === '');
if (browser === '') console.warn('skipped: no Chromium here (Debian: apt-get install chromium)');

const consoleOf = async (gateway: GatewayProcess, fragment: string) =>
  `${await gateway.url()}/console${fragment}`;

withBrowser('which engine is not ready, and why; which watcher is slow, and how much', async () => {
  await using gateway = await GatewayProcess.start({
    config: {
      engines: {
        voice: { worker: fixture('gateway/tone.mjs') },
        broken: {
          run: ['/bin/sh', '-c', 'echo "cannot open /x.gguf: No such file" >&2; exit 2', '${port}'],
        },
      },
      pipelines: {},
    },
  });
  await using stalled = await slowWatcher({ url: await gateway.url(), client: 'the-stalled-one' });
  await using well = await slowWatcher({ url: await gateway.url(), client: 'the-good-one', how: 'well' });
  await using page = await ConsolePage.open(browser, await consoleOf(gateway, '#/lobby'));
  await page.sees(/broken\s+(?:failed|backoff)[\s\S]*exited with code 2/, { timeoutMs: 20_000 });
  expect(await page.text()).toMatch(/voice\s+ready/);
  await page.page.click('details summary');
  await page.sees(/cannot open \/x\.gguf: No such file/);
  await page.goTo('Events');
  const row = (name: string, state: string) =>
    new RegExp(`${name}[^\\n]*\\s[^\\n]*websocket[^\\n]*\\s+${state}\\s`);
  const events = Array.from({ length: 50 }, (_, n) => ({
    topic: 'machine.saw',
    data: { n, x: 'x'.repeat(4000) },
  }));
  await until(
    async () => {
      await gateway.json('/v1/events', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(events),
      });
      return row('the-stalled-one', 'slow').test(await page.text());
    },
    { timeoutMs: 40_000, what: 'the slow one on the page' },
  );
  expect(await page.text()).toMatch(/Watchers\s+\d, 1 slow/);
  expect(well.closed).toBeUndefined();
  expect(stalled.events).toEqual([]);
  expect(page.faults).toEqual([]);
});

withBrowser('what a microphone says is heard, answered, and heard again', async () => {
  await using gateway = await startCascade('it is me', {
    config: {
      engines: { voice: { builtin: 'flite' }, activity: { builtin: 'silero' } },
      pipelines: { default: { kind: 'echo', speak: 'voice', vad: 'activity' } },
      sessions: { record: true },
    },
  });
  await gateway.event('ready');
  const pcm = await speech(gateway, 'Hello, this is a page that speaks to you.');
  await gateway.folder.write('said.wav', Buffer.from(writeWav(pcm, 24_000)));
  const microphone = join(gateway.folder.path, 'said.wav');
  await using page = await ConsolePage.open(browser, await consoleOf(gateway, '#/talk'), { microphone });
  await page.click('Call');
  await page.sees(/ready\s+sess_/);
  await page.click('Listen');
  await page.sees(/all\s+[\s\S]*\d+ (?:ms|s)/, { selector: 'aside', timeoutMs: 20_000 });
  await page.click('Hang up');
  const { id } = await take(gateway, ({ state }) => state === 'finished');
  for (const part of ['caller', 'assistant']) {
    const { bytes } = await fetched(gateway, `/api/recordings/${id}/audio?part=${part}`);
    const sound = parseWav(new Uint8Array(bytes)).pcm;
    expect(Math.max(...sound.filter((_, at) => at % 20 === 0)), part).toBeGreaterThan(2000);
  }
  expect(page.faults).toEqual([]);
});
