// An engine in which something sends messages that the protocol does not have: it fails with what came, and nobody else
// notices.
import { describe, expect, test } from 'vitest';
import { Supervised, worker } from './supervised.ts';

const { signal: never } = new AbortController();

async function failureOf(stage: Supervised, text: string): Promise<unknown> {
  try {
    for await (const _ of stage.engine.speak({ text, voice: null }, never));
  } catch (error) {
    return error;
  }
  return undefined;
}

describe.each(['process', 'thread'] as const)('a worker in a %s that sends what does not fit', (isolate) => {
  test.each([
    ['text', '`progress` came whose `text` is an object'],
    ['failure', '`call_failed` came whose `message` is an object'],
    ['chunk', '`chunk` came whose `value.pcm` is undefined'],
    ['rate', '`chunk` came whose `value.rate` is 1e-300'],
    ['frames', '`pushed` came whose `value` is undefined'],
    ['offers', '`loaded` came whose `offers` is a list of 1'],
  ])('(%s) fails its calls with what came, and starts again', async (text, came) => {
    await using stage = await Supervised.start(worker('odd-messages.mjs', { isolate, stopGraceMs: 300 }), {
      ...worker('speaks.mjs', { isolate }),
      name: 'other',
    });
    await stage.becomes('ready');
    const other = stage.supervisor.get('other');
    const failed = { code: 'engine_module_invalid', message: expect.stringContaining(came) };
    expect(await failureOf(stage, text)).toMatchObject(failed);
    expect(stage.engine.life.failure).toMatchObject({ ...failed, kind: 'passing' });
    await stage.becomes('ready');
    expect(stage.engine.life.instance).toBe(2);
    expect(other.life.failure).toBeNull();
  });

  test('in its load fails, and is tried again', async () => {
    await using stage = await Supervised.start(
      worker('odd-messages.mjs', { isolate, options: { in: 'load' } }),
    );
    await stage.becomes('backoff');
    expect(stage.engine.life.failure).toMatchObject({
      code: 'engine_module_invalid',
      message: expect.stringMatching(
        /^engine mine \(.+\): a message `progress` came whose `text` is an object/,
      ),
    });
  });
});
