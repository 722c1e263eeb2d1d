import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { MessageChannel } from 'node:worker_threads';
import { beforeAll, describe, expect, test } from 'vitest';
import flite from '../../../../src/engines/builtin/flite.ts';
import type { LoadedEngine, PcmChunk } from '../../../../src/engines/contract.ts';

const never = new AbortController().signal;
const warnings: Error[] = [];
const progress: number[] = [];
let engine: LoadedEngine;

function load(options: Record<string, unknown> = {}, signal = never): Promise<LoadedEngine> {
  return Promise.resolve(flite.load({ options, progress: (fraction) => progress.push(fraction), signal }));
}

async function collect(chunks: AsyncIterable<PcmChunk> | undefined): Promise<PcmChunk[]> {
  const all: PcmChunk[] = [];
  for await (const chunk of chunks ?? []) all.push(chunk);
  return all;
}

function speak(text: string, voice?: string, signal = never): Promise<PcmChunk[]> {
  const request = voice === undefined ? { text, signal } : { text, voice, signal };
  return collect(engine.speak?.(request));
}

function seconds(chunks: readonly PcmChunk[]): number {
  return chunks.reduce((total, { pcm, rate }) => total + pcm.length / rate, 0);
}

beforeAll(async () => {
  process.on('warning', (warning) => warnings.push(warning));
  engine = await load();
});

describe('the built-in voice', () => {
  test('speaks one chunk per sentence, at a plausible pace and level', async () => {
    const chunks = await speak('Welcome to the green room. Your session will begin soon.');
    expect(chunks.map(({ rate }) => rate)).toEqual([16_000, 16_000]);
    expect(seconds(chunks)).toBeGreaterThan(2);
    expect(seconds(chunks)).toBeLessThan(6);
    for (const { pcm } of chunks)
      expect(pcm.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0)).toBeGreaterThan(3000);
  });

  test.each(['slt', 'rms', 'awb', 'kal16', 'kal'])('has the voice %s', async (voice) => {
    const chunks = await speak('Hello there.', voice);
    expect(chunks[0]?.rate).toBe(voice === 'kal' ? 8000 : 16_000);
    expect(seconds(chunks)).toBeGreaterThan(0.4);
  });

  test('speaks faster and slower when it is asked to', async () => {
    const text = 'The train leaves at ten.';
    const own = seconds(await speak(text));
    const fast = await collect(engine.speak?.({ text, speed: 1.5, signal: never }));
    const slow = await collect(engine.speak?.({ text, speed: 0.5, signal: never }));
    expect(seconds(fast) / own).toBeCloseTo(1 / 1.5, 1);
    expect(seconds(slow) / own).toBeCloseTo(2, 0);
  });

  test.each(['alloy', 'onyx', 'marin'])('takes %s, a name of OpenAI’s, for one of its own', async (voice) => {
    expect((await speak('Hello.', voice))[0]?.rate).toBe(16_000);
  });

  test('an unknown voice is refused with the list, in a request and at load', async () => {
    await expect(speak('Hello.', 'nobody')).rejects.toThrow(
      'no voice "nobody"; the voices are slt, rms, awb, kal16, kal',
    );
    await expect(load({ voice: 7 })).rejects.toThrow('no voice 7; the voices are slt');
  });

  test('the configured voice is used when a request names none', async () => {
    const other = await load({ voice: 'kal' });
    const [chunk] = await collect(other.speak?.({ text: 'Hello.', signal: never }));
    expect(chunk?.rate).toBe(8000);
  });

  test('the same text is the same speech, whatever was said before', async () => {
    const first = await speak('Good morning.');
    await speak('Something else, quite different.');
    expect(await speak('Good morning.')).toEqual(first);
  });

  test('says nothing where there is nothing to say, and refuses what it cannot say', async () => {
    expect(await speak('')).toEqual([]);
    expect(await speak(' ... !? ')).toEqual([]);
    await expect(speak('世界')).rejects.toThrow('English only');
  });

  test('text that looks like an option is only text', async () => {
    expect(seconds(await speak('-voice kal -o /etc/passwd'))).toBeGreaterThan(1);
  });

  test('a request that is cancelled beforehand gives nothing', async () => {
    expect(await speak('Hello. Hello.', undefined, AbortSignal.abort())).toEqual([]);
  });

  test('a cancel that comes as a message during a sentence is heard before the next one', async () => {
    const cancel = new AbortController();
    const { port1, port2 } = new MessageChannel();
    port2.on('message', () => cancel.abort());
    let chunks = 0;
    for await (const _ of engine.speak?.({ text: 'One more. '.repeat(20), signal: cancel.signal }) ?? []) {
      chunks += 1;
      port1.postMessage('cancel');
    }
    port1.close();
    expect(chunks).toBe(1);
  });

  test('calls take turns sentence by sentence', async () => {
    const order: string[] = [];
    const say = async (name: string) => {
      for await (const _ of engine.speak?.({ text: 'One. Two. Three.', signal: never }) ?? [])
        order.push(name);
    };
    await Promise.all([say('a'), say('b')]);
    expect(order.slice(0, 2).sort()).toEqual(['a', 'b']);
  });

  test('a load that is cancelled ends with the reason', async () => {
    await expect(load({}, AbortSignal.abort(new Error('leaving')))).rejects.toThrow('leaving');
  });

  test('progress rises, and no warning and no file is left behind', () => {
    expect(progress.length).toBeGreaterThan(0);
    expect(progress.every((fraction) => fraction > 0 && fraction <= 1)).toBe(true);
    expect(warnings.map(({ message }) => message)).toEqual([]);
    expect(readdirSync(tmpdir()).filter((name) => name.includes('flite'))).toEqual([]);
  });
});
