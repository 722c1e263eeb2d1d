// What a take makes of the events that it hears: lines without audio, and the sound.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { decodeUlaw } from '../../../src/audio/g711.ts';
import { pcmToBase64 } from '../../../src/audio/pcm.ts';
import { WebmDemuxer } from '../../../src/audio/webm/demuxer.ts';
import type { CallerSound } from '../../../src/recordings/caller-files.ts';
import { TakeReader } from '../../../src/recordings/take-reader.ts';
import { placeOf, tonePath } from '../audio/webm/streams.ts';

type From = 'caller' | 'gateway';

function reading(formats: 'asked' | 'told' = 'told', context: readonly object[] = []) {
  const reader = new TakeReader(
    formats,
    context.map((event) => JSON.stringify(event)),
  );
  const sound = { caller: [] as number[], assistant: [] as number[] };
  const add = (read: {
    readonly caller: readonly CallerSound[];
    readonly assistant: readonly Int16Array[];
  }) => {
    for (const one of read.caller) if (one.container === 'wav') sound.caller.push(...one.pcm);
    for (const pcm of read.assistant) sound.assistant.push(...pcm);
  };
  return {
    ...{ reader, sound },
    read(from: From, event: object | string) {
      const text = typeof event === 'string' ? event : JSON.stringify(event);
      const read = reader.read({ from, ms: 1.5, text });
      add(read);
      expect(read.line.endsWith('\n')).toBe(true);
      return JSON.parse(read.line) as Record<string, unknown>;
    },
    end: () => add(reader.end()),
  };
}

const append = (bytes: Uint8Array) => ({
  type: 'input_audio_buffer.append',
  audio: Buffer.from(bytes).toString('base64'),
});
const session = (input: object, output: object = { type: 'audio/pcm', rate: 24_000 }) => ({
  type: 'session.updated',
  session: { audio: { input: { format: input }, output: { format: output } } },
});
const ulaw = { type: 'audio/pcmu' };
const pcm24 = { type: 'audio/pcm', rate: 24_000 };

test('samples cut in half between two appends are whole again, and their places are told', () => {
  const { read, sound } = reading();
  expect(read('caller', append(Uint8Array.of(1, 0, 2)))).toEqual({
    ms: 1.5,
    from: 'caller',
    event: { type: 'input_audio_buffer.append', audio: { bytes: 3, samples: 1, at_sample: 0 } },
  });
  expect(read('caller', append(Uint8Array.of(0, 3, 0)))).toMatchObject({
    event: { audio: { bytes: 3, samples: 2, at_sample: 1 } },
  });
  expect(sound.caller).toEqual([1, 2, 3]);
  // Half a sample goes with a clear.
  read('caller', append(Uint8Array.of(9)));
  read('caller', { type: 'input_audio_buffer.clear' });
  read('caller', append(Uint8Array.of(4, 0)));
  expect(sound.caller).toEqual([1, 2, 3, 4]);
});

test('a format holds from where it was told, or asked for; a take begun later knows it', () => {
  const quiet = new Uint8Array(80).fill(0x55);
  const told = reading('told');
  told.read('caller', { type: 'session.update', session: { audio: { input: { format: ulaw } } } });
  told.read('caller', append(quiet));
  expect(told.reader.caller.formats).toEqual(['audio/pcm 24000']);
  told.read('gateway', session(ulaw));
  told.read('caller', append(quiet));
  told.read('caller', { type: 'input_audio_buffer.commit' });
  expect(told.reader.caller.formats).toEqual(['audio/pcm 24000', 'audio/pcmu']);
  expect(told.reader.caller.samples).toBe(40 + 240);

  const asked = reading('asked');
  asked.read('caller', { type: 'session.update', session: { audio: { input: { format: ulaw } } } });
  asked.read('caller', append(quiet));
  asked.end();
  expect(asked.reader.caller.samples).toBe(240);
  expect(asked.sound.caller).toHaveLength(240);
  expect(asked.sound.caller[120]).toBeCloseTo(decodeUlaw(quiet)[0] ?? 0, -2);

  const later = reading('told', [session(ulaw)]);
  later.read('caller', append(quiet));
  later.end();
  expect(later.reader.caller.formats).toEqual(['audio/pcmu']);
  const beta = reading('told', [
    { type: 'transcription_session.updated', session: { input_audio_format: 'g711_alaw' } },
  ]);
  beta.read('caller', append(quiet));
  expect(beta.reader.caller.formats).toEqual(['audio/pcma']);
});

test('answers are streams of their own, each in the format that it began with', () => {
  const { read, sound, reader } = reading('told', [session(pcm24, pcm24)]);
  const created = (id: string, format: object) => ({
    type: 'response.created',
    response: { id, audio: { output: { format } } },
  });
  const delta = (id: string, audio: string) => ({
    ...{ type: 'response.output_audio.delta', response_id: id, delta: audio },
  });
  read('gateway', created('one', pcm24));
  read('gateway', session(pcm24, ulaw));
  read('gateway', created('two', ulaw));
  expect(read('gateway', delta('one', pcmToBase64(Int16Array.of(7, 8))))).toMatchObject({
    event: { response_id: 'one', delta: { bytes: 4, samples: 2, at_sample: 0 } },
  });
  read('gateway', delta('two', Buffer.alloc(80, 0x55).toString('base64')));
  read('gateway', { type: 'response.done', response: { id: 'two' } });
  read('gateway', delta('one', pcmToBase64(Int16Array.of(9))));
  expect(sound.assistant.slice(0, 2)).toEqual([7, 8]);
  expect(sound.assistant.at(-1)).toBe(9);
  expect(reader.assistant.samples).toBe(3 + 240);
  expect(reader.assistant.formats).toEqual(['audio/pcm 24000', 'audio/pcmu']);
});

test('lines have no audio, whatever it stands in; all else is as it was', () => {
  const { read, sound } = reading();
  const item = { id: 'a', content: [{ type: 'input_audio', audio: 'AAAA', transcript: 'hi' }] };
  expect(read('caller', { type: 'conversation.item.create', item })).toMatchObject({
    event: { item: { id: 'a', content: [{ audio: { bytes: 3 }, transcript: 'hi' }] } },
  });
  const created = session(ulaw);
  expect(read('gateway', created)).toEqual({ ms: 1.5, from: 'gateway', event: created });
  expect(read('caller', { type: 'input_audio_buffer.append', audio: '!!!!' })).toMatchObject({
    event: { audio: { samples: 0, refused: 'the audio is not base64' } },
  });
  const long = 'x'.repeat(5000);
  expect(read('gateway', long)).toEqual({ ms: 1.5, from: 'gateway', chars: 5000, text: 'x'.repeat(1000) });
  expect(read('gateway', `${'['.repeat(50_000)}${']'.repeat(50_000)}`)).toMatchObject({ chars: 100_000 });
  const deep = `{"type":"odd","x":${'['.repeat(50_000)}${']'.repeat(50_000)}}`;
  // Written out, or cut: not thrown at whoever records.
  expect(Object.keys(read('gateway', deep)).slice(0, 2)).toEqual(['ms', 'from']);
  expect(sound).toEqual({ caller: [], assistant: [] });
});

test('WebM is kept as it came, and counted; a stream that was under way begins with what it needs', () => {
  const tone = new Uint8Array(readFileSync(tonePath));
  const { reader, read } = reading('told', [session({ type: 'audio/webm' })]);
  expect(read('caller', append(tone))).toMatchObject({
    event: { audio: { bytes: 7249, samples: 70_560, at_sample: 0 } },
  });
  expect(read('caller', append(Uint8Array.of(0, 1)))).toMatchObject({
    event: { audio: { bytes: 2, samples: 0, at_sample: 70_560 } },
  });
  expect(read('caller', append(tone))).toMatchObject({ event: { audio: { at_sample: 70_560 } } });
  expect(reader.caller.samples).toBe(2 * 70_560);
  expect(read('caller', { type: 'input_audio_buffer.append', audio: '*not base64*' })).toMatchObject({
    event: { audio: { bytes: 0, refused: 'the audio is not base64' } },
  });

  const began = new WebmDemuxer();
  began.feed(tone.subarray(0, 3000));
  while (began.next());
  const later = reading('told', [session({ type: 'audio/webm' })]);
  const place = { lead: placeOf(began).lead, skip: 4 };
  expect(later.reader.goOn(place)).toMatchObject([
    { container: 'webm', stream: 'begin', samples: 0, bytes: place.lead },
  ]);
  const text = JSON.stringify(append(Uint8Array.of(9, 9, 9)));
  const sound = (one: string) =>
    later.reader
      .read({ from: 'caller', ms: 1, text: one })
      .caller.map((heard) => (heard.container === 'webm' ? { ...heard, bytes: [...heard.bytes] } : heard));
  expect(sound(text)).toMatchObject([{ stream: 'same', bytes: [] }]);
  const rest = Uint8Array.of(9, ...tone.subarray(3000));
  expect(sound(JSON.stringify(append(rest)))).toMatchObject([
    { stream: 'same', bytes: [...tone.subarray(3000)] },
  ]);
  expect(later.reader.caller.samples).toBeGreaterThan(20_000);
  // Another stream in one piece of its own.
  expect(sound(JSON.stringify(append(tone)))).toMatchObject([{ stream: 'begin', samples: 141_120 }]);
});
