// The pure parts of the library: names, what is kept, which bytes are asked for, whose metadata it is.

import { join, normalize } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readWavHead } from '../../../src/audio/wav.ts';
import { rangeIn } from '../../../src/recordings/audio-file.ts';
import { metadataBytes, metadataText, readMetadata, type TakeFacts } from '../../../src/recordings/facts.ts';
import { takeFolder, takeId, takeName } from '../../../src/recordings/names.ts';
import { tooMany } from '../../../src/recordings/retention.ts';
import { head, trackOf, webmTrack } from '../../../src/recordings/track.ts';
import { factsOf } from './takes.ts';

test('a name is taken apart, or is none', () => {
  expect(takeName('sess_0a1b', '12')).toEqual({ session: 'sess_0a1b', take: 12 });
  for (const [session, take] of [
    ...[
      ['', '1'],
      ['.', '1'],
      ['..', '1'],
      ['a/b', '1'],
      ['a\\b', '1'],
      ['a\0', '1'],
      ['-a', '1'],
      ['a'.repeat(97), '1'],
    ],
    ...[
      ['a', ''],
      ['a', '0'],
      ['a', '01'],
      ['a', '-1'],
      ['a', '1.5'],
      ['a', '1e3'],
      ['a', ' 1'],
      ['a', '1\n'],
      ['a', '٣'],
    ],
  ] as const)
    expect(takeName(session, take), `${session} ${take}`).toBeUndefined();
});

test('no name leads out of the folder, whatever it is made of', () => {
  const odd = fc.string({
    unit: fc.constantFrom('.', '/', '\\', '%', '2', 'e', 'a', '\0', '~', '-', '1', '\n'),
  });
  fc.assert(
    fc.property(odd, odd, (session, take) => {
      const name = takeName(session, take);
      if (!name) return;
      const folder = takeFolder('/data/recordings', name);
      expect(normalize(folder)).toBe(folder);
      expect(folder).toBe(join('/data/recordings', session, take));
    }),
    { numRuns: 2000 },
  );
});

test('what is too old goes, and the oldest of what is too much; what is under way counts, and stays', () => {
  const limits = { keepMs: 1000, countMax: 3, bytesMax: 1000 };
  const take = (id: string, endedAtMs: number | null, bytes = 10): TakeFacts => ({
    ...factsOf('s', Number(id)),
    ...{ id, endedAtMs, bytes, startedAtMs: 0, state: endedAtMs === null ? 'recording' : 'finished' },
  });
  expect(tooMany([take('1', 4000), take('2', 4500)], limits, 5000)).toEqual([]);
  expect(tooMany([take('1', 3999), take('2', 4500)], limits, 5000)).toEqual(['1']);
  const four = [take('3', 4700), take('1', 4500), take('4', 4800), take('2', 4600)];
  expect(tooMany(four, limits, 5000)).toEqual(['1']);
  expect(tooMany([...four, take('9', null), take('8', null)], limits, 5000)).toEqual(['1', '2', '3']);
  expect(tooMany([take('1', 4500, 500), take('2', 4600, 501)], limits, 5000)).toEqual(['1']);
  // Too large all by itself, and still not the one that is written.
  expect(tooMany([take('9', null, 2000), take('1', 4900)], limits, 5000)).toEqual(['1']);
  // One that does not fit: what is older goes too, though it would fit.
  expect(tooMany([take('1', 4500, 1), take('2', 4600, 999), take('3', 4700)], limits, 5000)).toEqual([
    '1',
    '2',
  ]);
});

test('the bytes that are asked for', () => {
  const part = (start: number, end: number) => ({ state: 'part', range: { start, end } });
  expect(rangeIn(undefined, 100)).toEqual({ state: 'whole' });
  expect(rangeIn('bytes=0-', 100)).toEqual(part(0, 100));
  expect(rangeIn('bytes=0-0', 100)).toEqual(part(0, 1));
  expect(rangeIn('bytes=10-19', 100)).toEqual(part(10, 20));
  expect(rangeIn('bytes=90-1000', 100)).toEqual(part(90, 100));
  expect(rangeIn('bytes=-30', 100)).toEqual(part(70, 100));
  expect(rangeIn('bytes=-300', 100)).toEqual(part(0, 100));
  expect(rangeIn('bytes=100-', 100)).toEqual({ state: 'outside' });
  expect(rangeIn('bytes=-0', 100)).toEqual({ state: 'outside' });
  // What is not understood is passed over, as the RFC has it.
  for (const odd of ['bytes=-', 'bytes=20-10', 'bytes=0-1,5-6', 'lines=1-2', 'bytes=a-b', ''])
    expect(rangeIn(odd, 100), odd).toEqual({ state: 'whole' });
});

test('metadata is read back as it was written, and nobody else’s is taken for ours', () => {
  const facts = factsOf('sess_1', 2);
  const text = metadataText(facts);
  expect(text.length).toBeGreaterThanOrEqual(metadataBytes);
  expect(readMetadata(text, facts)).toEqual(facts);
  expect(readMetadata(text, { session: 'sess_1', take: 3 })).toBeUndefined();
  for (const odd of [
    '',
    '{',
    'null',
    '[]',
    '{}',
    '{"kind":"greenroom-recording","format":1}',
    text.slice(0, 300),
  ])
    expect(readMetadata(odd, facts), odd).toBeUndefined();
  expect(readMetadata(text.replace('"format": 1', '"format": 2'), facts)).toBeUndefined();
  expect(takeId(facts)).toBe('sess_1/2');
});

test.each([
  [0, 0],
  [44, 0],
  [45, 0],
  [46, 1],
  [44 + 48_001, 24_000],
])('of a file of %i bytes the header says %i samples', (bytes, samples) => {
  expect(readWavHead(head(bytes))).toMatchObject({ rateHz: 24_000, dataAt: 44, frameBytes: 2 });
  expect(new DataView(head(bytes).buffer).getUint32(40, true)).toBe(samples * 2);
  expect(trackOf('caller', bytes, [])).toMatchObject({ samples, file: 'raw_stream.wav' });
});

test('metadata of before WebM is read as what it was; a name that leads elsewhere makes it nobody’s', () => {
  const name = { session: 'sess_a', take: 1 };
  const facts = factsOf('sess_a', 1);
  const given = (change: (raw: Record<string, Record<string, unknown>>) => void) => {
    const raw = JSON.parse(metadataText(facts));
    change(raw);
    return readMetadata(JSON.stringify(raw), name);
  };
  const older = given((raw) => {
    for (const key of ['source', 'callerMore']) delete raw[key];
    for (const side of ['caller', 'assistant'])
      for (const key of ['container', 'codec']) delete raw[side]?.[key];
  });
  expect(older).toEqual(facts);
  for (const file of [
    '../../greenroom.db',
    '/etc/passwd',
    'metadata.json',
    'raw_stream.wav/../x',
    'raw_stream.0.wav',
    'raw_stream.1000.webm',
    '',
  ]) {
    expect(
      given((raw) => void (raw['caller'] = { ...facts.caller, file })),
      file,
    ).toBeUndefined();
    expect(
      given((raw) => void (raw['assistant'] = { ...facts.assistant, file })),
      file,
    ).toBeUndefined();
    expect(
      given((raw) => void ((raw as Record<string, unknown>)['callerMore'] = [{ ...facts.caller, file }])),
      file,
    ).toBeUndefined();
  }
  const more = [webmTrack('raw_stream.2.webm', 48_000)];
  expect(given((raw) => void ((raw as Record<string, unknown>)['callerMore'] = more))).toEqual({
    ...facts,
    callerMore: more,
  });
});
