import { deserialize, serialize } from 'node:v8';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseFromHost } from '../../../../src/engines/worker/from-host.ts';
import type { FromHost } from '../../../../src/engines/worker/protocol.ts';

const pcm = Int16Array.of(1, 2);
const shared = new Int16Array(new SharedArrayBuffer(4));
/** Asked for its text, it throws; so does what holds it. */
const odd = { toString: 1, valueOf: 1 };
const rate = 'a whole number of samples per second from 1000 to 384000';

const ours: readonly FromHost[] = [
  { type: 'hello' },
  { type: 'progress', fraction: 0, text: null },
  { type: 'progress', fraction: 1, text: 'reading' },
  { type: 'loaded', offers: ['speak', 'vad'], concurrency: 1 },
  { type: 'load_failed', reason: 'passing', message: 'no', stack: '' },
  { type: 'chunk', id: 1, value: { pcm, rate: 24_000 } },
  { type: 'chunk', id: 1, value: { pcm: new Int16Array(0), rate: 1000 } },
  { type: 'part', id: 1, value: { text: '' } },
  { type: 'part', id: 1, value: { toolCall: { id: 'a', name: 'look', arguments: '{}' } } },
  { type: 'part', id: 1, value: { finish: 'stop' } },
  { type: 'part', id: 1, value: { finish: 'length', usage: { prompt_tokens: 3 } } },
  { type: 'heard', id: 1, value: { text: 'hello', final: false } },
  { type: 'vector', id: 1, value: Float32Array.of(0.5, Number.NaN) },
  { type: 'given', id: 1 },
  { type: 'pushed', id: 1, value: [] },
  { type: 'pushed', id: 1, value: [{ speech: 0.5 }] },
  { type: 'ended', id: 1 },
  { type: 'call_failed', id: 1, message: 'no', stack: 'at' },
];

describe('what a host says', () => {
  test.each(ours)('as the protocol has it is taken as it is: %o', (message) => {
    expect(parseFromHost(message)).toEqual({ state: 'ours', message });
  });

  test.each([null, undefined, 1, 'hello', [], {}, { type: 7 }, { type: odd }, { type: 'toString', id: 1 }])(
    'to somebody else is no message of ours: %o',
    (came) => {
      expect(parseFromHost(came)).toEqual({ state: 'stray' });
    },
  );

  test.each<[object, string]>([
    [{ type: 'progress', fraction: 0.5, text: odd }, '`text` is an object, not a text or null'],
    [{ type: 'progress', fraction: odd, text: null }, '`fraction` is an object, not from 0 to 1'],
    [{ type: 'progress', fraction: Number.NaN, text: null }, '`fraction` is NaN, not from 0 to 1'],
    [{ type: 'progress', fraction: 2n ** 64n, text: null }, '`fraction` is a bigint, not from 0 to 1'],
    [{ type: 'progress', fraction: 7 }, '`fraction` is 7, not from 0 to 1'],
    [{ type: 'loaded' }, '`offers` is undefined, not a list of chat, transcribe, speak, embed, vad'],
    [{ type: 'loaded', offers: [], concurrency: 1 }, '`offers` is a list of 0, not'],
    [{ type: 'loaded', offers: [odd], concurrency: 1 }, '`offers` is a list of 1, not'],
    [{ type: 'loaded', offers: ['fly'], concurrency: 1 }, '`offers` is a list of 1, not'],
    [{ type: 'loaded', offers: new Array(2), concurrency: 1 }, '`offers` is a list of 2, not'],
    [{ type: 'loaded', offers: ['speak'], concurrency: 0 }, '`concurrency` is 0, not a whole number'],
    [{ type: 'loaded', offers: ['speak'], concurrency: '1' }, '`concurrency` is "1", not a whole number'],
    [{ type: 'load_failed', reason: 'x', message: '', stack: '' }, '`reason` is "x", not contract or load'],
    [{ type: 'load_failed', reason: 'load', message: odd, stack: '' }, '`message` is an object, not a text'],
    [{ type: 'load_failed', reason: 'load', message: '', stack: odd }, '`stack` is an object, not a text'],
    [{ type: 'chunk', value: { pcm, rate: 24_000 } }, '`id` is undefined, not a whole number'],
    [{ type: 'chunk', id: odd, value: { pcm, rate: 24_000 } }, '`id` is an object, not a whole number'],
    [{ type: 'chunk', id: 1 }, '`value.pcm` is undefined, not an Int16Array'],
    [{ type: 'chunk', id: 1, value: null }, '`value.pcm` is undefined, not an Int16Array'],
    [{ type: 'chunk', id: 1, value: { rate: 1 } }, '`value.pcm` is undefined, not an Int16Array'],
    [{ type: 'chunk', id: 1, value: { pcm: [1, 2], rate: 1 } }, '`value.pcm` is a list of 2, not an'],
    [{ type: 'chunk', id: 1, value: { pcm: Uint8Array.of(1), rate: 1 } }, '`value.pcm` is an object, not an'],
    [
      { type: 'chunk', id: 1, value: { pcm: shared, rate: 1 } },
      '`value.pcm` is an object, not an Int16Array',
    ],
    [{ type: 'chunk', id: 1, value: { pcm } }, `\`value.rate\` is undefined, not ${rate}`],
    [{ type: 'chunk', id: 1, value: { pcm, rate: 1e-300 } }, `\`value.rate\` is 1e-300, not ${rate}`],
    [{ type: 'chunk', id: 1, value: { pcm, rate: -24_000 } }, `\`value.rate\` is -24000, not ${rate}`],
    [{ type: 'chunk', id: 1, value: { pcm, rate: odd } }, `\`value.rate\` is an object, not ${rate}`],
    ...[
      ...[undefined, null, 7, {}, { text: 7 }, { text: odd }, { toolCall: null }, { finish: 7 }],
      ...[{ toolCall: { id: 'a', name: 'b' } }, { toolCall: { id: 'a', name: 'b', arguments: {} } }],
      ...[
        { finish: 'stop', usage: [] },
        { finish: 'stop', usage: { a: '1' } },
      ],
      { finish: 'stop', usage: Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`c${at}`, at])) },
    ].map((value): [object, string] => [{ type: 'part', id: 1, value }, '`value` is ']),
    [{ type: 'part', value: { text: 'x' } }, '`id` is undefined, not a whole number'],
    [{ type: 'heard', id: 1 }, '`value.text` is undefined, not a text'],
    [{ type: 'heard', id: 1, value: { text: odd, final: true } }, '`value.text` is an object, not a text'],
    [{ type: 'heard', id: 1, value: { text: '', final: 1 } }, '`value.final` is 1, not true or false'],
    ...[
      undefined,
      [1],
      new Float32Array(0),
      Int16Array.of(1),
      new Float32Array(new SharedArrayBuffer(4)),
    ].map((value): [object, string] => [{ type: 'vector', id: 1, value }, '`value` is ']),
    [{ type: 'given' }, '`id` is undefined, not a whole number'],
    [{ type: 'pushed', id: 1 }, '`value` is undefined, not a list of { speech }'],
    [{ type: 'pushed', id: 1, value: {} }, '`value` is an object, not a list of { speech }'],
    [{ type: 'pushed', id: 1, value: [null] }, '`value` is a list of 1, not a list of { speech }'],
    [{ type: 'pushed', id: 1, value: [{ speech: Number.NaN }] }, '`value` is a list of 1, not a list'],
    [{ type: 'ended', id: 0.5 }, '`id` is 0.5, not a whole number'],
    [{ type: 'call_failed', id: 1, message: odd, stack: '' }, '`message` is an object, not a text'],
    [{ type: 'call_failed', id: 1, message: '' }, '`stack` is undefined, not a text'],
  ])('that claims to be ours and is not is told: %o', (came, what) => {
    const { type } = came as { type: string };
    const start = `a message \`${type}\` came whose `;
    expect(parseFromHost(came)).toEqual({ state: 'odd', what: expect.stringContaining(start + what) });
  });

  test('that is a list without end, of nothing, costs nothing', () => {
    const endless = new Array(4e9);
    const offers = parseFromHost({ type: 'loaded', offers: endless, concurrency: 1 });
    expect(offers).toMatchObject({ what: expect.stringContaining('`offers` is a list of 4000000000, not') });
    const frames = parseFromHost({ type: 'pushed', id: 1, value: endless });
    expect(frames).toMatchObject({ what: expect.stringContaining('`value` is a list of 4000000000, not') });
  });

  test('is never too much for us, whatever it is', () => {
    const anything = fc.anything({ withBigInt: true, withSparseArray: true, withTypedArray: true });
    const types = fc.constantFrom(...ours.map(({ type }) => type));
    const fields = ['id', 'value', 'fraction', 'text', 'offers', 'concurrency', 'reason', 'message', 'stack'];
    const spoilt = fc
      .tuple(types, fc.constantFrom(...ours), fc.dictionary(fc.constantFrom(...fields), anything))
      .map(([type, message, changes]) => ({ ...message, ...changes, type }));
    fc.assert(
      fc.property(fc.oneof(anything, spoilt), (came) => {
        expect(['ours', 'stray', 'odd']).toContain(parseFromHost(came).state);
      }),
      { numRuns: 2000 },
    );
  });

  test('as it comes from a pipe is taken as well', () => {
    for (const message of ours)
      expect(parseFromHost(deserialize(serialize(message)))).toMatchObject({ state: 'ours' });
  });
});
