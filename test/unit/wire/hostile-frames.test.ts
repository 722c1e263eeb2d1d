// Frames that no client of ours would send: nothing is thrown, nothing takes long, nothing comes back at length.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseClientEvent } from '../../../src/wire/client-events.ts';
import type { WireError } from '../../../src/wire/server-events.ts';

function refusalOf(frame: string): WireError {
  const parsed = parseClientEvent(frame);
  if (parsed.state !== 'refused') throw new Error(`taken: ${frame.slice(0, 100)}`);
  return parsed.error;
}

const say = (part: unknown) => ({
  type: 'conversation.item.create',
  item: { type: 'message', role: 'user', content: [part] },
});
const respond = (response: unknown) => ({ type: 'response.create', response });
const update = (session: unknown) => ({ type: 'session.update', session });

describe('frames that are meant to harm', () => {
  test('`__proto__` is an unknown parameter like any other, and changes nobody', () => {
    const frames = [
      '{"type":"response.create","__proto__":{"admin":true}}',
      '{"type":"input_audio_buffer.append","audio":"AAAA","__proto__":{"admin":true}}',
      '{"type":"session.update","session":{"__proto__":{"admin":true}}}',
    ];
    for (const frame of frames) expect(refusalOf(frame).code).toBe('unknown_parameter');
    expect(refusalOf(frames[2] ?? '').param).toBe('session.__proto__');
    const taken = parseClientEvent('{"type":"response.create","response":{"metadata":{"__proto__":"x"}}}');
    expect(taken).toEqual({ state: 'event', event: { type: 'response.create', response: { metadata: {} } } });
    expect(({} as { admin?: true }).admin).toBeUndefined();
  });

  test.each(['[', '{"a":'])('what nests deep is refused before anything walks down: %s', (opening) => {
    const closing = opening === '[' ? ']' : '}';
    for (const levels of [100, 50_000]) {
      const deep = `${opening.repeat(levels)}1${closing.repeat(levels)}`;
      for (const frame of [
        `{"event_id":"mine","type":${deep}}`,
        `{"event_id":"mine","type":"session.update","session":{"tracing":{"a":${deep}}}}`,
        `{"event_id":"mine","type":"session.update","session":{"tools":[{"a":${deep}}]}}`,
      ]) {
        expect(refusalOf(frame)).toMatchObject({ code: 'invalid_event', event_id: 'mine' });
      }
    }
  });

  test('megabytes of structure are refused before they are parsed', () => {
    const frames = [
      `[${'{},'.repeat(7_000_000)}1]`,
      '['.repeat(20_000_000),
      `{"type":"session.update","session":{"instructions":"${'be brief '.repeat(200_000)}"}}`,
      `{"a":"${'A'.repeat(100_000)}",${'"b":1,'.repeat(3_000_000)}}`,
    ];
    for (const frame of frames) {
      const began = performance.now();
      expect(refusalOf(frame)).toMatchObject({ code: 'event_too_large', event_id: null });
      expect(performance.now() - began).toBeLessThan(500);
    }
  });

  test('fifteen megabytes of audio are taken, in an append and in an item, also with escaped slashes', () => {
    const audio = Buffer.alloc(15 * 1024 * 1024, 0xff).toString('base64');
    const append = JSON.stringify({ type: 'input_audio_buffer.append', audio });
    for (const frame of [
      append,
      append.slice(0, 8_000_000).replaceAll('/', '\\/').concat('"}'),
      JSON.stringify(say({ type: 'input_audio', audio })),
    ]) {
      expect(parseClientEvent(frame).state).toBe('event');
    }
    const longer = Buffer.alloc(15 * 1024 * 1024 + 3).toString('base64');
    expect(refusalOf(JSON.stringify(say({ type: 'input_audio', audio: longer })))).toMatchObject({
      code: 'invalid_value',
      param: 'item.content.0.audio',
    });
  });

  test('what only looks like audio is not kept', () => {
    const description = 'A'.repeat(2_000_000);
    expect(
      refusalOf(JSON.stringify({ ...update({ tools: [{ description }] }), event_id: 'e' })),
    ).toMatchObject({
      code: 'event_too_large',
      event_id: 'e',
    });
    expect(refusalOf(JSON.stringify(say({ type: 'input_text', text: description })))).toMatchObject({
      code: 'invalid_value',
      param: 'item.content.0.text',
    });
  });

  test('a refusal is short, whatever it refuses', () => {
    const long = 'A'.repeat(900_000);
    for (const event of [
      { type: long },
      { type: 'response.create', [long]: 1 },
      respond({ metadata: { [long]: '1' } }),
      update({ tool_choice: long }),
      update({ output_modalities: Array(1000).fill(long.slice(0, 500)) }),
      say({ type: 'input_audio', audio: `${long}!` }),
    ]) {
      expect(JSON.stringify(refusalOf(JSON.stringify({ ...event, event_id: 'e' }))).length).toBeLessThan(
        1000,
      );
    }
  });
});

describe('whatever the frame', () => {
  const known = fc.constantFrom(
    ...['session.update', 'input_audio_buffer.append', 'conversation.item.create', 'response.create'],
    ...['conversation.item.truncate', 'response.cancel', 'conversation.item.delete', 'nothing', '__proto__'],
  );
  const key = fc.constantFrom(
    ...['session', 'item', 'response', 'audio', 'event_id', 'type', 'item_id', 'content', 'role'],
    ...['input', 'output', 'turn_detection', 'tools', 'metadata', 'instructions', '__proto__', 'constructor'],
  );
  const event = fc
    .tuple(known, fc.dictionary(key, fc.jsonValue({ maxDepth: 3 }), { maxKeys: 4 }))
    .map(([type, rest]) => JSON.stringify({ type, ...rest }));

  test('it is an event or a refusal with a code; nothing is thrown', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), event), (frame) => {
        const parsed = parseClientEvent(frame);
        if (parsed.state === 'event') {
          expect(typeof parsed.event.type).toBe('string');
          return;
        }
        const { code, message, param, event_id } = parsed.error;
        expect(code).toMatch(/^[a-z_]+$/);
        expect(message).not.toBe('');
        expect(param === null || typeof param === 'string').toBe(true);
        expect(event_id === null || typeof event_id === 'string').toBe(true);
      }),
      { numRuns: 3000 },
    );
  });

  test('a cut or changed frame of a real client is no worse', () => {
    const real = JSON.stringify({
      type: 'session.update',
      event_id: 'e',
      session: { type: 'realtime', tools: [{ name: 'x' }], audio: { input: { turn_detection: null } } },
    });
    fc.assert(
      fc.property(
        fc.nat({ max: real.length }),
        fc.nat({ max: 20 }),
        fc.string({ maxLength: 3 }),
        (at, cut, put) => {
          parseClientEvent(real.slice(0, at) + put + real.slice(at + cut));
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('append frames cost little more than their JSON', () => {
    const frame = JSON.stringify({
      type: 'input_audio_buffer.append',
      audio: Buffer.alloc(960).toString('base64'),
    });
    const spent = (work: () => unknown) => {
      const began = performance.now();
      for (let count = 0; count < 20_000; count += 1) work();
      return performance.now() - began;
    };
    spent(() => parseClientEvent(frame));
    const [parsed, bare] = [spent(() => parseClientEvent(frame)), spent(() => JSON.parse(frame))];
    // 20,000 frames are 400 s of one caller's speech; measured at 25 ms, 20 of them in JSON.parse.
    expect(parsed).toBeLessThan(bare * 3 + 50);
  });
});
