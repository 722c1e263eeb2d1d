import { expect, test } from 'vitest';
import { appendedBytes, audioDelta } from '../../../src/bridge/audio-frames.ts';

const audio = Buffer.alloc(960, 5).toString('base64');

test.each([
  [{ type: 'input_audio_buffer.append', audio }, 960],
  [{ type: 'input_audio_buffer.append', audio: Buffer.alloc(7).toString('base64') }, 7],
  [{ event_id: 'e_1', type: 'input_audio_buffer.append', audio }, 960],
  [{ type: 'input_audio_buffer.append', event_id: 'e-1', audio }, 960],
])('an append is recognised: %o', (event, bytes) => {
  expect(appendedBytes(JSON.stringify(event))).toBe(bytes);
  expect(appendedBytes(JSON.stringify(event).replaceAll('":"', '": "').replaceAll(',"', ', "'))).toBe(bytes);
});

test.each([
  '{"type":"input_audio_buffer.append","audio":"AAAA","audio":"AAAA"}',
  '{"type":"input_audio_buffer.append","audio":"AAA"}',
  '{"type":"input_audio_buffer.append","audio":"A=AA"}',
  '{"type":"input_audio_buffer.append","audio":"====",}',
  '{"type":"input_audio_buffer.append","audio":"AA\\u0041"}',
  '{"type":"input_audio_buffer.append","x":1,"audio":"AAAA"}',
  '{"type":"session.update","session":{"audio":"AAAA"}}',
  '{"type":"input_audio_buffer.append","audio":"AAAA"} ',
])('what does not match from end to end is not: %s', (text) => {
  expect(appendedBytes(text)).toBeUndefined();
});

const delta = {
  ...{ type: 'response.output_audio.delta', event_id: 'event_1', response_id: 'resp_1', item_id: 'item_1' },
  ...{ output_index: 0, content_index: 0, delta: audio },
};

test('a delta of audio is recognised in any order of its keys', () => {
  const expected = { itemId: 'item_1', bytes: 960 };
  expect(audioDelta(JSON.stringify(delta))).toEqual(expected);
  const { delta: last, ...others } = delta;
  expect(audioDelta(JSON.stringify({ delta: last, ...others }))).toEqual(expected);
  expect(audioDelta(JSON.stringify({ ...delta, obfuscation: 'abc' }))).toEqual(expected);
  expect(audioDelta(JSON.stringify(delta).replaceAll('":', '": '))).toEqual(expected);
});

test.each([
  { ...delta, type: 'response.output_text.delta' },
  { ...delta, item_id: 'with " in it' },
  { ...delta, nested: { type: 'response.output_audio.delta' } },
  { type: 'other', text: '"type":"response.output_audio.delta","item_id":"x","delta":"AAAA"' },
  { type: 'response.done', response: { ...delta } },
])('what could be something else is parsed: %o', (event) => {
  expect(audioDelta(JSON.stringify(event))).toBeUndefined();
});
