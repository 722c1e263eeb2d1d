import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { concatPcm } from '../../../../src/audio/pcm.ts';
import { resample } from '../../../../src/audio/resample.ts';
import { initialTurnState, next, type TurnEvent } from '../../../../src/audio/turns.ts';
import flite from '../../../../src/engines/builtin/flite.ts';
import silero from '../../../../src/engines/builtin/silero.ts';
import type { LoadContext, LoadedEngine, VadStream } from '../../../../src/engines/contract.ts';

const context: LoadContext = { options: {}, progress: () => undefined, signal: new AbortController().signal };
const silenceMs = 1000;
const frameMs = 32;
let engine: LoadedEngine;
/** A second of silence, a sentence, a second of silence, at 16 kHz. */
let audio: Int16Array;
let speechMs: number;

async function open(rate = 16_000): Promise<VadStream> {
  const stream = await engine.vad?.({ rate });
  if (!stream) throw new Error('silero offers no vad');
  return stream;
}

const values = (frames: readonly { speech: number }[]) => frames.map(({ speech }) => speech);

beforeAll(async () => {
  engine = await silero.load(context);
  const voice = await flite.load(context);
  const text = 'Welcome to the green room.';
  const spoken: Int16Array[] = [];
  for await (const { pcm } of voice.speak?.({ text, signal: context.signal }) ?? []) spoken.push(pcm);
  const speech = concatPcm(spoken);
  const silence = new Int16Array(16 * silenceMs);
  audio = concatPcm([silence, speech, silence]);
  speechMs = speech.length / 16;
}, 30_000);

afterAll(() => engine.close?.());

describe('voice activity', () => {
  test('is above 0.8 in speech and below 0.2 in silence', async () => {
    const speech = values(await (await open()).push(audio));
    expect(speech.length).toBe(Math.floor(audio.length / 512));
    const quarter = speechMs / 4;
    const inside = speech.slice((silenceMs + quarter) / frameMs, (silenceMs + 3 * quarter) / frameMs);
    expect(Math.min(...inside)).toBeGreaterThan(0.8);
    const before = speech.slice(0, silenceMs / frameMs - 1);
    const after = speech.slice((silenceMs + speechMs + 100) / frameMs);
    expect(Math.max(...before, ...after)).toBeLessThan(0.2);
  });

  test('clicks, noise and tones are no speech', async () => {
    const stream = await open();
    const sounds = [
      Int16Array.from({ length: 16_000 }, (_, i) => (i % 4000 < 60 ? 25_000 * (-1) ** i : 0)),
      Int16Array.from({ length: 16_000 }, (_, i) => ((i * 7919 * (i % 977)) % 16_000) - 8000),
      Int16Array.from({ length: 16_000 }, (_, i) => 10_000 * Math.sin(i / 6)),
    ];
    for (const sound of sounds) expect(Math.max(...values(await stream.push(sound)))).toBeLessThan(0.5);
  });

  test('however the audio is cut, each full frame is judged alike', async () => {
    const whole = await (await open()).push(audio);
    const stream = await open();
    const pieces = [];
    for (let at = 0, size = 1; at < audio.length; at += size, size = (size * 7 + 3) % 1999) {
      pieces.push(...(await stream.push(audio.subarray(at, at + size))));
    }
    expect(pieces).toEqual(whole);
    expect(await stream.push(new Int16Array(0))).toEqual([]);
  });

  test('pushes that do not wait for each other are served in order, and streams do not disturb each other', async () => {
    const alone = await (await open()).push(audio);
    const streams = await Promise.all([open(), open(), open()]);
    const step = 4000;
    const answers = streams.map(async (stream) => {
      const pushes = [];
      for (let at = 0; at < audio.length; at += step) pushes.push(stream.push(audio.subarray(at, at + step)));
      return (await Promise.all(pushes)).flat();
    });
    for (const answer of answers) expect(await answer).toEqual(alone);
  });

  test('many streams at once are judged as each alone, though in one run', async () => {
    const cut = (at: number) => audio.subarray(at * 400, at * 400 + 16_000);
    const alone: number[][] = [];
    for (let at = 0; at < 40; at += 1) alone.push(values(await (await open()).push(cut(at))));
    const together = await Promise.all(
      alone.map(async (_, at) => values(await (await open()).push(cut(at)))),
    );
    for (const [at, frames] of together.entries()) {
      expect(frames).toHaveLength(31);
      for (const [index, speech] of frames.entries()) {
        expect(Math.abs(speech - (alone[at]?.[index] ?? Number.NaN))).toBeLessThan(1e-4);
      }
    }
  });

  test.each([8000, 24_000, 48_000])("audio at %i Hz is judged as at the model's own rate", async (rate) => {
    const own = values(await (await open()).push(audio));
    const other = values(await (await open(rate)).push(resample(audio, 16_000, rate)));
    expect(other.length).toBeGreaterThanOrEqual(own.length - 1);
    const alike = other.filter((speech, index) => speech >= 0.5 === (own[index] ?? 0) >= 0.5);
    expect(alike.length / other.length).toBeGreaterThan(0.9);
  });

  test('with the turn detector, a sentence is one turn around its speech', async () => {
    let state = initialTurnState();
    const events: TurnEvent[] = [];
    for (const { speech } of await (await open()).push(audio)) {
      const step = next(state, { speech, frameMs });
      state = step.state;
      events.push(...step.events);
    }
    const [started, stopped] = events;
    expect(events.map(({ type }) => type)).toEqual(['speech_started', 'speech_stopped']);
    expect(Math.abs((started?.atMs ?? 0) - (silenceMs - 300))).toBeLessThan(350);
    expect(Math.abs((stopped?.atMs ?? 0) - (silenceMs + speechMs + 500))).toBeLessThan(350);
  });

  test('a closed stream gives up the rest of a long push, which held up no other stream, and takes no more', async () => {
    const [stream, other] = await Promise.all([open(), open()]);
    const long = stream.push(new Int16Array(16_000 * 60));
    expect((await other.push(audio.subarray(0, 16_000))).length).toBe(31);
    await stream.close();
    expect((await long).length).toBeGreaterThan(0);
    expect((await long).length).toBeLessThan(100);
    await expect(stream.push(new Int16Array(512))).rejects.toThrow('this voice-activity stream is closed');
  });

  test('a rate that is none is refused', async () => {
    await expect(open(0)).rejects.toThrow('whole number of Hz');
  });

  test('a closed engine judges no more, and closing twice is once', async () => {
    const second = await silero.load(context);
    const stream = await second.vad?.({ rate: 16_000 });
    await Promise.all([second.close?.(), second.close?.()]);
    await expect(stream?.push(new Int16Array(512))).rejects.toThrow('the voice-activity engine is closed');
    expect((await (await open()).push(new Int16Array(512))).length).toBe(1);
  });
});
