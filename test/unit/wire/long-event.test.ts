// Long events: what is taken out of them, however they were cut, and what is put back.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseClientEvent, parseLongEvent } from '../../../src/wire/client-events.ts';
import { abridged, filled, type LongEvent, readLong } from '../../../src/wire/long-event.ts';
import { LongText } from '../../../src/wire/long-text.ts';

const sound = Buffer.from(Array.from({ length: 150_001 }, (_, index) => (index * 7) % 256));

function read(text: string, cuts: readonly number[] = []): LongEvent | undefined {
  const bytes = Buffer.from(text);
  const ends = [...cuts.map((cut) => cut % bytes.length), bytes.length].sort((a, b) => a - b);
  const steps = readLong(new LongText(ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end))));
  let most = 0;
  for (;;) {
    const step = steps.next();
    if (!step.done) most = Math.max(most, step.value);
    else {
      expect(most).toBeLessThan(200_000);
      return step.value;
    }
  }
}

const audioOf = (long: LongEvent | undefined) => {
  const [bulk] = long?.bulks.values() ?? [];
  return bulk && Buffer.concat([...bulk.base64.texts()].map((text) => Buffer.from(text, 'base64')));
};

test('audio is the same however its text was cut and escaped', () => {
  const escapes = { none: (text: string) => text, slash: (text: string) => text.replaceAll('/', '\\/') };
  const csharp = (text: string) => text.replaceAll('+', '\\u002B');
  fc.assert(
    fc.property(
      fc.array(fc.nat(250_000), { maxLength: 12 }),
      fc.constantFrom(escapes.none, escapes.slash, csharp),
      (cuts, written) => {
        const audio = written(sound.toString('base64'));
        const long = read(`{"type":"input_audio_buffer.append","audio":"${audio}"}`, cuts);
        expect(audioOf(long)?.equals(sound)).toBe(true);
        expect(long && parseLongEvent(long).state).toBe('event');
        expect([...(long?.bulks.values() ?? [])][0]?.base64.bytes).toBe(sound.length);
      },
    ),
    { numRuns: 60 },
  );
});

test('a text that had to change has its base64 in its place again', () => {
  const audio = sound.toString('base64');
  const text = `{"type":"conversation.item.create","item":{"content":[{"audio":"${audio}"},{"audio":"${audio}"}]}}`;
  const long = read(text);
  expect(long?.bulks.size).toBe(2);
  expect(`${long && filled(long.text, long.bulks)}`).toBe(text);
  expect(long && abridged(long)).toContain('(200004 characters of base64)');
});

test.each([
  ['padding in its middle', `${'A'.repeat(70_000)}=${'A'.repeat(9999)}`, 'malformed'],
  ['an escape that stands for no base64', `${'A'.repeat(80_000)}\\u0041\\n`, 'malformed'],
  ['padding over two pieces', `${'A'.repeat(79_998)}==`, 'sound'],
])('%s', (_, audio, state) => {
  const long = read(`{"type":"input_audio_buffer.append","audio":"${audio}"}`, [audio.length + 44]);
  expect([...(long?.bulks.values() ?? [])].map(({ base64 }) => base64.state)).toEqual([state]);
});

test('what is long and no base64 stays where it is; too much of it is not read', () => {
  const words = 'one, two '.repeat(10_000);
  expect(read(`{"instructions":"${words}"}`)).toEqual({
    text: `{"instructions":"${words}"}`,
    bulks: new Map(),
  });
  expect(read(`{"instructions":"${words.repeat(60)}"}`)).toBeUndefined();
  expect(read('"'.repeat(5_000_000))).toBeUndefined();
});

test('a frame of nothing but crumbs is refused before it is parsed', () => {
  const crumbs = `{"type":"session.update","session":{"x":[${'{},'.repeat(300_000)}{}]}}`;
  expect(parseClientEvent(crumbs)).toMatchObject({ state: 'refused', error: { code: 'event_too_large' } });
  const words = `{"type":"session.update","session":{"type":"realtime","instructions":"${'a, \\"b\\", '.repeat(30_000)}"}}`;
  expect(parseClientEvent(words)).toMatchObject({ state: 'event' });
});

test('base64 beside an escaped quote is no whole text', () => {
  const text = `{"a":"\\"${'A'.repeat(70_000)}","b":"${'A'.repeat(70_000)}\\""}`;
  expect(read(text)).toEqual({ text, bulks: new Map() });
});

test('a text that only looks like audio is one again, and judged as such', () => {
  const item = (text: string) =>
    `{"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_text","text":"${text}"}]}}`;
  const short = read(item('A'.repeat(70_000)));
  expect(short && JSON.stringify(parseLongEvent(short))).toContain('A'.repeat(70_000));
  const long = read(item('A'.repeat(1_000_001)));
  expect(long && parseLongEvent(long)).toMatchObject({
    state: 'refused',
    error: { code: 'invalid_value', param: 'item.content.0.text' },
  });
});

test('audio of an item that is no base64 is refused as such', () => {
  const item = (audio: string) =>
    `{"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_audio","audio":"${audio}"}]}}`;
  for (const audio of ['A'.repeat(70_001), `${'A'.repeat(70_000)}=AAA`]) {
    const long = read(item(audio));
    expect(long && parseLongEvent(long)).toMatchObject({
      state: 'refused',
      error: { code: 'invalid_value' },
    });
  }
});
