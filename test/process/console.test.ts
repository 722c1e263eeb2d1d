// The console in a real browser, over a real gateway.
import { expect, test } from 'vitest';
import { findBrowser } from '../support/browser.ts';
import { Caller } from '../support/caller.ts';
import { ConsolePage } from '../support/console-page.ts';
import { fixture, GatewayProcess } from '../support/gateway-process.ts';
import { Publisher } from '../support/publisher.ts';

const browser = (await findBrowser()) ?? '';
const withBrowser = test.skipIf(browser === '');
if (browser === '') console.warn('skipped: no Chromium here (Debian: apt-get install chromium)');

const titles = ['Lobby', 'Talk', 'Sessions', 'Events', 'Machines', 'Tree', 'Leaving'];

const config = {
  engines: {
    voice: { worker: fixture('gateway/tone.mjs') },
    activity: { builtin: 'silero' },
    broken: { run: ['/bin/sh', '-c', 'echo "cannot open /x.gguf: No such file" >&2; exit 2', '${port}'] },
  },
  pipelines: { default: { kind: 'echo', speak: 'voice', vad: 'activity' } },
  sessions: { record: true },
};

/** All of it becomes ready. */
const whole = { ...config, engines: { voice: config.engines.voice, activity: config.engines.activity } };

const stateChange = (from: string, to: string) => ({
  machine_name: 'press',
  event_type: 'state_change',
  payload: { from_state: from, to_state: to, event_trigger: 'go', timestamp: 1 },
});

async function publish(gateway: GatewayProcess, ...events: readonly object[]): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const { status } = await gateway.json('/v1/events', {
    method: 'POST',
    headers,
    body: JSON.stringify(events),
  });
  expect(status).toBe(200);
}

const consoleOf = async (gateway: GatewayProcess, fragment = '') =>
  `${await gateway.url()}/console${fragment}`;

withBrowser(
  'each page loads without an error or a request elsewhere, for everybody, in light, dark and narrow',
  async () => {
    await using gateway = await GatewayProcess.start({ config });
    await gateway.event('engine', ({ name, state }) => name === 'activity' && state === 'ready');
    await using caller = await Caller.call(await gateway.url());
    // Wider than a phone.
    const states = ['idle', 'heating', 'pressing', 'cooling', 'waiting_for_somebody', 'idle'];
    const changes = states.slice(1).map((state, n) => stateChange(states[n] ?? '', state));
    await publish(gateway, ...changes, { hello: 1 });
    await using page = await ConsolePage.open(browser, await consoleOf(gateway));
    const url = await gateway.url();
    expect(caller.closed).toBeUndefined();
    for (const title of titles) {
      await page.goTo(title);
      for (const view of [
        { scheme: 'light', widthPx: 1200 },
        { scheme: 'dark', widthPx: 1200 },
        { scheme: 'light', widthPx: 390 },
      ] as const) {
        await page.looks(view);
        const name = `${title} ${view.scheme} ${view.widthPx}`;
        expect(await page.serious(), name).toEqual([]);
        // A phone scrolls up and down, not sideways.
        expect(await page.page.evaluate('document.documentElement.scrollWidth'), name).toBeLessThanOrEqual(
          view.widthPx,
        );
      }
      await page.looks({ scheme: 'light', widthPx: 1200 });
    }
    expect(page.faults).toEqual([]);
    expect(
      page.requested.filter((asked) => !asked.startsWith(url) && !/^(?:data|blob|ws):/.test(asked)),
    ).toEqual([]);
  },
);

withBrowser(
  'the lobby shows what engines do when they do it, why one failed, and what it writes',
  async () => {
    await using gateway = await GatewayProcess.start({ config });
    await using page = await ConsolePage.open(browser, await consoleOf(gateway));
    await page.sees(/voice\s+ready/, { timeoutMs: 20_000 });
    await page.sees(/broken\s+(?:failed|backoff)[\s\S]*pid \d+\) exited with code 2/, { timeoutMs: 20_000 });
    await page.click('log of broken');
    await page.sees(/cannot open \/x\.gguf/, { selector: '[role=log]' });
    await gateway.json('/api/engines/broken/start', { method: 'POST' });
    await page.sees(/cannot open[\s\S]*cannot open/, { selector: '[role=log]', timeoutMs: 10_000 });
    await page.click('stop voice');
    await page.sees(/voice\s+stopped/);
    await page.click('start voice');
    await page.sees(/voice\s+ready/);
    // What others ask of it is seen as well.
    await gateway.json('/api/engines/voice/unload', { method: 'POST' });
    await page.sees(/voice\s+(?:stopping|idle)/);
    await page.page.keyboard.press('Tab');
    expect(await page.page.evaluate('document.activeElement.tagName')).toBe('BUTTON');
    expect(page.faults).toEqual([]);
  },
);

withBrowser('events come as they are published; a pause loses nothing; a filter is one', async () => {
  await using gateway = await GatewayProcess.start({ config: { engines: {}, pipelines: {} } });
  await using publisher = await Publisher.to(gateway);
  await using page = await ConsolePage.open(browser, await consoleOf(gateway, '#/events'));
  await page.sees(/live 0\/s/i);
  publisher.write({ topic: 'machine.saw', data: { first: true } });
  await page.sees(/machine\.saw\s+\{"first":true\}/);
  await page.click('Pause');
  await page.sees(/paused/);
  const { length } = Array.from({ length: 500 }, (_, n) =>
    publisher.write({ topic: 'machine.saw', data: { n } }),
  );
  publisher.write({ topic: 'door.front', data: { last: true } });
  await publish(gateway, { topic: 'other', data: 1 });
  expect(await page.text()).not.toContain('"last":true');
  await page.click('Resume');
  await page.sees(/"last":true/);
  await page.sees(new RegExp(`${length + 3} came`));
  expect(await page.text()).not.toMatch(/missing/);
  await page.page.type('input[type=search]', 'door');
  await page.sees(/^(?![\s\S]*machine\.saw)[\s\S]*door\.front/, { selector: '.virtual' });
  await page.click('Publish');
  await page.sees(/Published on machine\.press as \w+\.\d+/);
  // Itself, at the top or not.
  await page.sees(/RTT[\s\S]*watch_\w+[\s\S]*websocket/i);
  expect(page.faults).toEqual([]);
});

withBrowser(
  'five thousand events a second: the page keeps up, answers, and says what it did not show',
  async () => {
    await using gateway = await GatewayProcess.start({ config: { engines: {}, pipelines: {} } });
    await using publisher = await Publisher.to(gateway);
    await using page = await ConsolePage.open(browser, await consoleOf(gateway, '#/events'));
    await page.sees(/live 0\/s/i);
    const written = publisher.steadily({ perSecond: 5000, ms: 3000 }, (n) => ({
      ...stateChange('a', 'b'),
      n,
    }));
    await page.sees(/[1-9],\d\d\d\/s/);
    await page.click('Clear');
    const count = new Intl.NumberFormat('en').format(await written);
    await page.sees(new RegExp(`${count} came`), { timeoutMs: 20_000 });
    await page.sees(/too fast to be shown/);
    const drawn = await page.page.$$eval('.virtual-row', (rows) => rows.length);
    expect(drawn).toBeLessThan(60);
    expect(page.faults).toEqual([]);
  },
);

withBrowser(
  'a machine is drawn from its state changes alone, also those of before, and lights up',
  async () => {
    await using gateway = await GatewayProcess.start({ config: { engines: {}, pipelines: {} } });
    await gateway.event('ready');
    await publish(gateway, stateChange('idle', 'heating'), stateChange('heating', 'pressing'));
    await using page = await ConsolePage.open(browser, await consoleOf(gateway, '#/machines'));
    await page.page.waitForSelector('svg[aria-label="press: pressing"]');
    expect(await page.page.$$eval('.box', (boxes) => boxes.length)).toBe(3);
    await publish(gateway, stateChange('pressing', 'fault'));
    await page.page.waitForSelector('svg[aria-label="press: fault"]');
    expect(await page.page.$$eval('.box', (boxes) => boxes.length)).toBe(4);
    await page.sees(/pressing → fault · go/);
    expect(page.faults).toEqual([]);
  },
);

withBrowser('a call is typed and spoken to, answered, cut, recorded and heard again', async () => {
  await using gateway = await GatewayProcess.start({ config });
  await gateway.event('engine', ({ name, state }) => name === 'activity' && state === 'ready');
  await using page = await ConsolePage.open(browser, await consoleOf(gateway, '#/talk'));
  await page.click('Call');
  await page.sees(/ready\s+sess_/);
  await page.page.type('main form input', 'Hello there from the console');
  await page.page.keyboard.press('Enter');
  await page.sees(/you\s+Hello there from the console\s+answer\s+Hello there/, { timeoutMs: 10_000 });
  await page.sees(/all\s+[\s\S]*\d+ ms/, { selector: 'aside' });
  await page.click('Push to talk');
  const push = await page.page.waitForSelector('button.push');
  await push?.focus();
  await page.page.keyboard.down('Space');
  await page.sees(/Speak, and let go/);
  await page.page.waitForFunction('document.querySelector("meter").value > 0.1');
  await page.page.keyboard.up('Space');
  // It answers what was said, and what was still being said of the first answer is cut.
  await page.page.waitForFunction(
    'document.querySelectorAll(".transcript .answer").length === 2 || document.querySelectorAll(".latency tbody tr").length === 2',
  );
  await page.click('Hang up');
  await page.sees(/ended/);
  await page.goTo('Sessions');
  await page.sees(/finished/);
  await page.page.click('section[aria-label=recordings] a');
  await page.sees(/Take 1\s+finished/);
  await page.page.waitForFunction(drawnSomething);
  await page.sees(/session\.opened/);
  expect(page.faults).toEqual([]);
});

/** The drawing of the caller's side is more than a line. */
const drawnSomething = `(() => {
  const canvas = document.querySelector('.waveform canvas');
  if (!canvas) return false;
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, 26);
  return data.some((value) => value > 0);
})()`;

withBrowser(
  'the page shows how the gateway leaves, says that it is gone, and is back with the next one',
  async () => {
    await using first = await GatewayProcess.start({ config: whole });
    await first.event('ready');
    const url = new URL(await first.url());
    await using page = await ConsolePage.open(browser, await consoleOf(first, '#/leaving'));
    await page.sees(/live/);
    page.page.on('dialog', (dialog) => void dialog.accept());
    await page.click('Stop the gateway');
    await page.sees(/The gateway has left/);
    await page.sees(/Left: api[\s\S]*sessions\s+done[\s\S]*engines\s+done/);
    expect(await first.exited).toMatchObject({ code: 0 });
    await using second = await GatewayProcess.start({ config: whole, listen: url.host });
    await second.event('ready');
    await page.sees(/Another one answered/);
    await page.goTo('Lobby');
    await page.sees(/voice\s+ready/);
    // What browsers say of themselves when nobody answers is no fault of the page.
    expect(
      page.faults.filter(
        (fault) => !/ERR_CONNECTION|WebSocket connection|ERR_EMPTY|ERR_INCOMPLETE/.test(fault),
      ),
    ).toEqual([]);
  },
);

withBrowser(
  'a token in the address is exchanged and gone; without one the page asks, and a wrong one is refused',
  async () => {
    const auth = { tokens: ['caller-token'], admin: ['admin-token'] };
    await using gateway = await GatewayProcess.start({ config: { engines: {}, pipelines: {}, auth } });
    await gateway.event('ready');
    await using page = await ConsolePage.open(browser, await consoleOf(gateway, '#token=admin-token'));
    await page.sees(/The door/);
    expect(await page.page.evaluate('location.href')).toBe(await consoleOf(gateway, '#/lobby'));
    expect(await page.page.evaluate('document.cookie')).toBe('');
    await page.goTo('Tree');
    await page.sees(/gateway\s+process/);
    await page.click('Sign out');
    await page.sees(/Sign in/);
    for (const token of ['guess', 'caller-token']) {
      await page.page.$eval('input[type=password]', (input) => {
        (input as HTMLInputElement).value = '';
      });
      await page.page.type('input[type=password]', token);
      await page.click('Sign in');
      await page.sees(/no token of an administrator/);
    }
    await page.page.$eval('input[type=password]', (input) => {
      (input as HTMLInputElement).value = '';
    });
    await page.page.type('input[type=password]', 'admin-token');
    await page.page.keyboard.press('Enter');
    await page.sees(/gateway\s+process/);
    expect(page.requested.filter((asked) => asked.split('#')[0]?.includes('-token'))).toEqual([]);
    expect(page.faults.filter((fault) => !/401|WebSocket/.test(fault))).toEqual([]);
  },
);
