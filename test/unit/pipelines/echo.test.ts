// What an echo answers, with a voice that speaks as it is told.
import { describe, expect, test } from 'vitest';
import type { PcmChunk } from '../../../src/engines/contract.ts';
import type { Engine } from '../../../src/engines/engine.ts';
import { EchoPipeline } from '../../../src/pipelines/echo.ts';
import type { ResponseSnapshot } from '../../../src/realtime/state.ts';
import type { MessageItem } from '../../../src/wire/items.ts';
import { initialSession } from '../../../src/wire/session-config.ts';

function voice(chunks: readonly PcmChunk[], asked: string[] = []): Engine {
  const engine = {
    name: 'voice',
    async *speak({ text }: { text: string }) {
      asked.push(text);
      yield* chunks;
    },
  };
  return engine as unknown as Engine;
}

const user = (id: string, text: string): MessageItem => ({
  ...{ id, object: 'realtime.item', type: 'message', status: 'completed', role: 'user' },
  content: [{ type: 'input_text', text }],
});
const assistant = (id: string): MessageItem => ({ ...user(id, ''), role: 'assistant', content: [] });
const session = initialSession({
  ...{ id: 'sess_1', model: 'default', voice: 'default', instructions: '', expiresAt: 1 },
});

async function answer(
  engine: Engine,
  items: readonly MessageItem[],
  changes: Partial<ResponseSnapshot> = {},
  signal = new AbortController().signal,
) {
  const options = { name: 'default', needs: [], voice: undefined, instructions: undefined };
  const pipeline = new EchoPipeline({ ...options, speak: engine, vad: engine });
  const snapshot: ResponseSnapshot = {
    ...{ responseId: 'resp_1', conversation: 'auto', items, session, usualVoice: 'default' },
    ...{ instructions: null, modality: 'audio' },
    ...changes,
  };
  const said: string[] = [];
  let samples = 0;
  const request = { snapshot, audioOf: () => new Int16Array(4800) };
  for await (const chunk of pipeline.open().respond(request, signal)) {
    if (chunk.type === 'text') said.push(chunk.text);
    if (chunk.type === 'audio') samples += chunk.pcm.length;
  }
  return { said, samples };
}

const second = (rate: number): PcmChunk => ({ pcm: new Int16Array(rate).fill(1000), rate });

describe('what is typed is spoken', () => {
  test.each([8000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000])('a voice at %i Hz', async (rate) => {
    const { said, samples } = await answer(voice([second(rate), second(rate)]), [user('a', 'hello')]);
    expect(said).toEqual(['hello']);
    expect(samples).toBe(48_000);
  });

  test('every item since the last answer, in order; the last one again when all are answered', async () => {
    const asked: string[] = [];
    const items = [user('a', 'one'), assistant('b'), user('c', 'two'), user('d', 'three')];
    await answer(voice([second(24_000)], asked), items);
    await answer(voice([second(24_000)], asked), [...items, assistant('e')]);
    expect(asked).toEqual(['two', 'three', 'three']);
  });

  test('as text, nobody is asked to speak', async () => {
    const asked: string[] = [];
    const { said, samples } = await answer(voice([], asked), [user('a', 'hello')], { modality: 'text' });
    expect({ said, samples, asked }).toEqual({ said: ['hello'], samples: 0, asked: [] });
  });
});

describe('a voice that fails', () => {
  test('gives no audio for something that can be said', async () => {
    await expect(answer(voice([]), [user('a', 'hello')])).rejects.toMatchObject({
      code: 'engine_call_failed',
      message: 'engine voice gave no audio for 5 characters',
    });
  });

  test('gives none for what cannot be said, and that is no fault', async () => {
    expect(await answer(voice([]), [user('a', '...')])).toEqual({ said: ['...'], samples: 0 });
  });

  test.each([0, -24_000, 1e-300, Number.NaN, 999, 22_051, 24_000.5, 384_001])(
    'speaks at %d Hz',
    async (rate) => {
      await expect(
        answer(voice([{ pcm: new Int16Array(10), rate }]), [user('a', 'hi')]),
      ).rejects.toMatchObject({
        code: 'engine_call_failed',
        message: expect.stringContaining(
          `engine voice speaks at ${rate} Hz, of which 24000 Hz cannot be made`,
        ),
      });
    },
  );

  test.each([1e-300, 0, -1, Number.NaN, 16_000])('changes to %d Hz in mid-answer', async (rate) => {
    const changed = { pcm: new Int16Array(4800), rate };
    await expect(answer(voice([second(24_000), changed]), [user('a', 'hi')])).rejects.toMatchObject({
      code: 'engine_call_failed',
      message: `engine voice changed its rate from 24000 to ${rate} Hz in mid-answer; one answer has one rate`,
    });
  });
});

test('an answer that is stopped says nothing more', async () => {
  const stop = new AbortController();
  stop.abort();
  expect(await answer(voice([second(24_000)]), [user('a', 'hello')], {}, stop.signal)).toEqual({
    said: [],
    samples: 0,
  });
});
