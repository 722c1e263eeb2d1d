// The console over what is kept: past sessions, what was said in them, their work, their recordings, and what runs next.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findBrowser, openPage } from '../support/browser.ts';
import { Caller } from '../support/caller.ts';
import { ConsolePage } from '../support/console-page.ts';
import { fixture, GatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';
import { answered, fetched, take, takes } from '../support/recorded.ts';

const browser = (await findBrowser()) ?? '';
const withBrowser = test.skipIf(browser === '');
if (browser === '') console.warn('skipped: no Chromium here (Debian: apt-get install chromium)');

const assessment = {
  ...{ think: 'mind', instructions: 'ASSESS the caller.', speak: false },
  schema: { type: 'object', properties: { level: { enum: ['A1', 'B2'] } }, required: ['level'] },
};

const config = {
  engines: {
    mind: {
      worker: fixture('tasks/mind.mjs'),
      options: { assess: { holds: ['{"level"'], waitMs: 1500, says: [':"B2"}'] } },
    },
    voice: { worker: fixture('gateway/tone.mjs'), options: { chunkMs: 20 } },
    activity: { builtin: 'silero' },
  },
  pipelines: {
    default: { kind: 'cascade', think: 'mind', speak: 'voice', tasks: { assessment } },
    repeat: { kind: 'echo', speak: 'voice', vad: 'activity' },
  },
  sessions: { record: true },
};

const consoleOf = async (gateway: GatewayProcess, fragment: string) =>
  `${await gateway.url()}/console${fragment}`;

const idOf = async (caller: Caller) =>
  String(((await caller.event('session.created'))['session'] as { readonly id: string }).id);

/** A call in which this was said and answered, and that has ended. */
async function past(gateway: GatewayProcess, text: string): Promise<string> {
  await using caller = await Caller.call(await gateway.url());
  await caller.lobby('ready');
  await answered(caller, text);
  const id = await idOf(caller);
  caller.socket.close();
  await caller.ended();
  await take(gateway, ({ session, state }) => session === id && state === 'finished');
  return id;
}

/** As a page's recorder has it: WebM/Opus of half a second of a tone. */
async function webm(): Promise<Buffer> {
  const html = '<!doctype html><title>recorder</title><link rel="icon" href="data:,">';
  await using tab = await openPage(browser, { '/': { type: 'text/html', body: html } });
  const base64 = await tab.page.evaluate(`new Promise((resolve) => {
    const context = new AudioContext();
    const tone = context.createOscillator();
    const out = context.createMediaStreamDestination();
    tone.connect(out);
    tone.start();
    const recorder = new MediaRecorder(out.stream, { mimeType: 'audio/webm;codecs=opus' });
    recorder.ondataavailable = async ({ data }) => {
      const bytes = new Uint8Array(await data.arrayBuffer());
      resolve(btoa(String.fromCharCode(...bytes)));
    };
    recorder.start(700);
  })`);
  return Buffer.from(String(base64), 'base64');
}

/** How many columns of each drawing are more than a line. */
const drawn = `[...document.querySelectorAll('.waveform canvas')].map((canvas) => {
  const { data } = canvas.getContext('2d').getImageData(0, 26, canvas.width, 1);
  return data.filter((_, at) => at % 4 === 3 && data[at] > 0).length;
})`;

withBrowser(
  'what was said is found by its words, read with its times and sources, exported, removed',
  async () => {
    await using gateway = await GatewayProcess.start({ config });
    await gateway.event('ready');
    const whales = await past(gateway, 'Tell me about whales.');
    await past(gateway, 'And about trams.');
    await using page = await ConsolePage.open(browser, await consoleOf(gateway, '#/sessions'));
    await page.sees(/caller_hung_up|client_closed|hung|left|closed/i, {
      selector: '[aria-label="past sessions"]',
    });
    await page.page.type('[aria-label="past sessions"] input', 'whales');
    await page.page.keyboard.press('Enter');
    await page.sees(new RegExp(`^(?![\\s\\S]*trams)[\\s\\S]*${whales}[\\s\\S]*whales`), {
      selector: '[aria-label="past sessions"]',
    });
    await page.page.click(`[aria-label="past sessions"] a`);
    await page.sees(/user\s+\d\d:\d\d:\d\d\.\d{3}\s+Tell me about whales\./);
    await page.sees(
      /assistant\s+\d\d:\d\d:\d\d\.\d{3}\s+You said: Tell me about whales\.\s+mind, spoken by voice/,
    );
    const links = await page.page.$$eval('section[aria-label=session] a', (all) =>
      all.map((one) => (one as HTMLAnchorElement).href),
    );
    const texts = await Promise.all(
      links.map(async (link) => (await fetched(gateway, link.replace(/^.*(?=\/api)/, ''))).bytes.toString()),
    );
    expect(texts).toEqual([
      expect.stringContaining('"greenroom-session"'),
      expect.stringMatching(/Tell me about whales/),
      expect.stringMatching(/^WEBVTT/),
    ]);
    const questions: string[] = [];
    page.page.on('dialog', (dialog) => {
      questions.push(dialog.message());
      void (questions.length === 1 ? dialog.dismiss() : dialog.accept());
    });
    await page.click('Remove session');
    await until(() => questions.length === 1, { timeoutMs: 5000, what: 'the question' });
    expect((await gateway.json(`/api/sessions/${whales}`)).status).toBe(200);
    await page.click('Remove session');
    await page.sees(/^(?![\s\S]*whales)[\s\S]*Past/);
    expect((await gateway.json(`/api/sessions/${whales}`)).status).toBe(404);
    expect(questions[0]).toContain(whales);
    expect(page.faults).toEqual([]);
  },
);

withBrowser('more past sessions than a page has come one page after the other, each once', async () => {
  await using gateway = await GatewayProcess.start({ config });
  await gateway.event('ready');
  for (let n = 0; n < 60; n += 1) {
    await using caller = await Caller.call(await gateway.url(), '?model=repeat');
    await caller.event('session.created');
    caller.socket.close();
    await caller.ended();
  }
  await until(
    async () =>
      ((await gateway.json('/api/sessions?state=ended')).body as { data: object[] }).data.length === 60,
    { timeoutMs: 10_000, what: 'the sessions to have ended' },
  );
  await using page = await ConsolePage.open(browser, await consoleOf(gateway, '#/sessions'));
  const ids = () =>
    page.page.$$eval('[aria-label="past sessions"] tbody th', (all) => all.map((one) => one.textContent));
  await page.page.waitForFunction(
    `document.querySelectorAll('[aria-label="past sessions"] tbody tr').length === 50`,
  );
  await page.click('More');
  await page.page.waitForFunction(
    `document.querySelectorAll('[aria-label="past sessions"] tbody tr').length === 60`,
  );
  expect(new Set(await ids()).size).toBe(60);
  expect(page.faults).toEqual([]);
});

withBrowser(
  'a recording is seen and heard, WAV or WebM, and played back from the page and stopped',
  async () => {
    await using gateway = await GatewayProcess.start({ config });
    await gateway.event('ready');
    const id = await past(
      gateway,
      'Say a line that is long enough to be heard for a while, and then some more of it.',
    );
    const body = new Uint8Array(await webm());
    const imported = await gateway.json('/api/recordings', {
      method: 'POST',
      headers: { 'content-type': 'audio/webm' },
      body,
    });
    expect(imported).toMatchObject({ status: 201, body: { caller: { container: 'webm' } } });
    const { session } = imported.body as { readonly session: string };
    await using page = await ConsolePage.open(browser, await consoleOf(gateway, `#/sessions/${session}`));
    await page.sees(/recordings only[\s\S]*brought along[\s\S]*webm opus/);
    await page.page.waitForFunction(`${drawn}[0] > 300`);
    expect(
      await page.page.$$eval('a[download]', (all) => all.map((one) => (one as HTMLAnchorElement).download)),
    ).toEqual([expect.stringMatching(/-1-caller\.webm$/)]);
    await page.page.evaluate(`document.querySelector('audio').play()`);
    await page.page.waitForFunction(`document.querySelector('audio').currentTime > 0.2`);
    // As turns there are none in it: the page says why not.
    await page.page.select('.playback select', 'segments');
    await page.click('Play back');
    await page.sees(/nothing that hears|turn/, { selector: '.playback [role=alert]' });

    await page.page.goto(await consoleOf(gateway, `#/sessions/${id}`));
    await page.sees(/Take 1\s+finished/);
    await page.page.waitForFunction(`${drawn}.at(-1) > 50`);
    await page.page.select('.playback select', 'events');
    await page.click('Play back');
    await page.sees(/playing[\s\S]*of \d[\s\S]*into\s+sess_/, { selector: '.playback' });
    await page.click('Stop');
    await page.sees(/stopped/, { selector: '.playback' });
    expect(page.faults.filter((fault) => !/40[0-9]|422/.test(fault))).toEqual([]);
  },
);

withBrowser('background work is seen as it goes on, also after its session has ended', async () => {
  const [mind] = [config.engines.mind];
  const slow = { ...mind, options: { assess: { ...mind.options.assess, waitMs: 4000 } } };
  const atEnd = { ...config.pipelines.default, tasks: { assessment: { ...assessment, on: 'end' } } };
  await using gateway = await GatewayProcess.start({
    config: { ...config, engines: { ...config.engines, mind: slow }, pipelines: { default: atEnd } },
  });
  await gateway.event('ready');
  const caller = await Caller.call(await gateway.url());
  await caller.lobby('ready');
  await answered(caller, 'Here I am.');
  const id = await idOf(caller);
  await using page = await ConsolePage.open(browser, await consoleOf(gateway, `#/sessions/${id}`));
  await page.sees(/ready[\s\S]*Here I am/);
  caller.socket.close();
  await caller.ended();
  await page.sees(/assessment still goes on[\s\S]*as the session ended[\s\S]*8 characters/);
  // Removing waits for it, and the page says so.
  page.page.on('dialog', (dialog) => void dialog.accept());
  await page.click('Remove session');
  await page.sees(/background work of it goes on/, { selector: '[role=alert]' });
  // What is still open is read off the page alone.
  await page.goTo('Tree');
  await page.page.type('input[type=search]', id);
  await page.sees(new RegExp(`task assessment of ${id}\\s+task\\s+open`));
  // Of the session itself nothing is.
  expect(await page.text()).not.toMatch(new RegExp(`session ${id}`));
  await page.page.goto(await consoleOf(gateway, `#/sessions/${id}`));
  await page.sees(/done[\s\S]*"level": "B2"/, { timeoutMs: 10_000 });
  expect(page.faults.filter((fault) => !/409/.test(fault))).toEqual([]);
});

withBrowser('the next generation, and the configuration read again, from the lobby', async () => {
  await using gateway = await GatewayProcess.start({ config });
  await gateway.event('ready');
  await using caller = await Caller.call(await gateway.url(), '?notices=1&model=repeat');
  await caller.lobby('ready');
  await using page = await ConsolePage.open(browser, await consoleOf(gateway, '#/lobby'));
  await page.sees(/repeat\s+echo\s+ready\s+1\s+current\s+1 session/);
  await page.page.select('select[aria-label="new callers of repeat meanwhile"]', 'seamless');
  await page.page.click('input[aria-label="with the engines of repeat"]');
  await page.click('restart pipeline repeat');
  await page.sees(/Generation 2;.*voice anew beside/);
  await page.sees(/repeat\s+echo\s+ready\s+1\s+draining\s+1 session[\s\S]*2\s+current\s+0 sessions/, {
    timeoutMs: 15_000,
  });
  caller.socket.close();
  await page.sees(/repeat\s+echo\s+ready\s+2\s+current/);

  await page.click('Read it again');
  await page.sees(/Nothing in .* is different/);
  const path = join(gateway.folder.path, 'greenroom.json');
  const given = JSON.parse(await readFile(path, 'utf8'));
  given.pipelines.fresh = { kind: 'echo', speak: 'voice', vad: 'activity' };
  given.shutdown = { total: '2s' };
  await writeFile(path, JSON.stringify(given));
  await page.click('Read it again');
  await page.sees(/pipelines\.fresh\s+added\s+now[\s\S]*shutdown\s+changed\s+with the next start/);
  expect((await gateway.json('/api/pipelines/fresh')).status).toBe(404);
  await page.click('Apply');
  await page.sees(/Applied[\s\S]*Built anew: fresh, generation 1/);
  await page.sees(/fresh\s+echo\s+(?:waiting|ready)/);
  await writeFile(path, '{"pipelines": 7}');
  await page.click('Read it again');
  await page.sees(/pipelines/, { selector: '[aria-label=configuration] [role=alert]' });
  expect(page.faults.filter((fault) => !/422/.test(fault))).toEqual([]);
});

withBrowser('a caller that was lost is away, for as long as it may come back', async () => {
  await using gateway = await GatewayProcess.start({ config });
  await gateway.event('ready');
  await using caller = await Caller.call(await gateway.url());
  await caller.lobby('ready');
  caller.send({ type: 'session.update', session: { type: 'realtime', resumption: { enabled: true } } });
  await caller.event('session.updated');
  await using page = await ConsolePage.open(browser, await consoleOf(gateway, '#/sessions'));
  await page.sees(/default generation 1/);
  caller.socket.terminate();
  await page.sees(/away, kept for \d+/);
  expect(await takes(gateway)).toHaveLength(1);
  expect(page.faults).toEqual([]);
});
