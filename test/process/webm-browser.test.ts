// A real Chromium whose recorder streams WebM/Opus into a session as it comes: heard by voice activity, written down,
// answered, kept, and brought along again.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findBrowser, openPage } from '../support/browser.ts';
import { Caller, type WireEvent } from '../support/caller.ts';
import { speech, startCascade } from '../support/cascade-process.ts';
import { testFolder } from '../support/folder.ts';
import { fixture } from '../support/gateway-process.ts';
import { conversation, play, played } from '../support/played.ts';
import { fetched, type Take, take } from '../support/recorded.ts';

const browser = await findBrowser();
const withBrowser = test.skipIf(!browser);
if (!browser) console.warn('skipped: no Chromium here (Debian: apt-get install chromium)');

interface PageWorld {
  record(
    url: string,
    base64: string,
  ): Promise<{
    readonly events: readonly WireEvent[];
    readonly recordedBytes: number;
    readonly recordedMs: number;
    readonly pieces: number;
  }>;
}

withBrowser(
  'a page that speaks through its recorder is heard, answered, recorded, and played back as it was',
  async () => {
    await using folder = await testFolder();
    await using gateway = await startCascade('it is me', {
      config: { sessions: { record: true } },
      args: ['--data', join(folder.path, 'data')],
    });
    await gateway.event('ready');
    const pcm = await speech(gateway, 'Hello, this is a page that speaks to you.');
    const html =
      '<!doctype html><title>recorder</title><link rel="icon" href="data:,"><script type="module" src="/recorder.js"></script>';
    await using tab = await openPage(browser ?? '', {
      '/': { type: 'text/html', body: html },
      '/recorder.js': { type: 'text/javascript', body: readFileSync(fixture('page/recorder.mjs')) },
    });
    await tab.page.waitForFunction('globalThis.loaded');
    const base64 = Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength).toString('base64');
    const heard = await tab.page.evaluate(
      (url, spoken) => (globalThis as unknown as PageWorld).record(url, spoken),
      await gateway.url(),
      base64,
    );
    expect(tab.faults).toEqual([]);
    expect(heard.events.filter(({ type }) => type === 'error')).toEqual([]);
    const types = heard.events.map(({ type }) => type);
    for (const type of ['speech_started', 'speech_stopped', 'committed'])
      expect(types).toContain(`input_audio_buffer.${type}`);
    const written = heard.events.find(
      ({ type }) => type === 'conversation.item.input_audio_transcription.completed',
    );
    expect(written?.['transcript']).toBe('it is me');
    expect(types.at(-1)).toBe('response.done');
    expect(heard.pieces).toBeGreaterThan(10);

    const done = await take(gateway, ({ state }) => state === 'finished');
    expect(done.caller).toMatchObject({ container: 'webm', codec: 'opus', rateHz: 48_000 });
    // As long as it was recorded, within a few pieces.
    expect(Math.abs(done.caller.durationMs - heard.recordedMs)).toBeLessThan(1500);
    const { bytes } = await fetched(gateway, `/api/recordings/${done.id}/audio`);
    expect(bytes.length).toBe(heard.recordedBytes);
    const imported = await gateway.json('/api/recordings', { method: 'POST', body: bytes });
    expect(imported).toMatchObject({ status: 201, body: { source: 'import' } });
    expect((imported.body as Take).caller.samples).toBe(done.caller.samples);

    // Played back, in either way and at either speed, it is heard and answered as it was.
    const said = conversation(heard.events);
    expect(said).toEqual(['user: it is me', 'assistant: Ada: You said: it is me.']);
    for (const [mode, speed] of [
      ['full', 0],
      ['segments', 0],
      ['full', 1],
    ] as const) {
      await using caller = await Caller.call(await gateway.url());
      await caller.lobby('ready');
      const { session } = await caller.event('session.created');
      const sessionId = (session as { readonly id: string }).id;
      const started = await play(gateway, { recordingId: done.id, mode, speed, sessionId });
      expect(started).toMatchObject({ status: 200 });
      const { id } = started.body as { readonly id: string };
      expect(await played(gateway, id)).toMatchObject({ state: 'finished' });
      expect(conversation(caller.events), `${mode} at ${speed}`).toEqual(said);
      expect(caller.all('error')).toEqual([]);
    }
  },
  120_000,
);
