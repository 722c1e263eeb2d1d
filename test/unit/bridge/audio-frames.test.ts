import { expect, test } from 'vitest';
import { appendedBytes, appendedIn, audioDelta, deltaIn } from '../../../src/bridge/audio-frames.ts';
import { ClientFrame, ServerFrame } from '../../../src/wire/text-frame.ts';
import { frameOf } from '../../support/ws-frames.ts';

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

const inClientFrame = (text: string) => {
  const frame = ClientFrame.read(frameOf(Buffer.from(text), { opcode: 1, mask: 0x7f00_81c3 }), 0);
  if (!frame) throw new Error(`${text.length} characters are no short frame`);
  return appendedIn(frame);
};
const inServerFrame = (text: string) => {
  const frame = ServerFrame.read(frameOf(Buffer.from(text), { opcode: 1, mask: null }), 0);
  if (!frame) throw new Error(`${text.length} characters are no short frame`);
  return deltaIn(frame);
};

test('of a frame as it came, the same is found as of its text: every byte in the place of every other', () => {
  const short = Buffer.alloc(100, 250).toString('base64');
  const texts = [
    `{"type":"input_audio_buffer.append","audio":"${short}"}`,
    `{"type": "input_audio_buffer.append", "audio": "${short}"}`,
    `{"event_id":"e_1","type":"input_audio_buffer.append","audio":"${short.slice(0, -4)}"}`,
    `{"type":"input_audio_buffer.append","audio":"${short}","x":"${short}"}`,
    `{"type":"input_audio_buffer.append","audio":"${short.slice(0, -1)}"}`,
    `{"type":"session.update","session":{"audio":"${short}"}}`,
    JSON.stringify({ ...delta, delta: short }),
    JSON.stringify({ ...delta, delta: short }).replaceAll('":', '": '),
    JSON.stringify({ ...delta, item_id: 'an "other"', delta: short }),
  ];
  const found = { appends: 0, deltas: 0 };
  for (const text of texts) {
    expect(inClientFrame(text)).toBe(appendedBytes(text));
    expect(inServerFrame(text)).toEqual(audioDelta(text));
    for (let at = 0; at < text.length; at += 1) {
      for (const other of ['"', '\\', '=', '{', ' ', 'A', '\n', '-', '\u007f']) {
        const changed = text.slice(0, at) + other + text.slice(at + 1);
        const bytes = inClientFrame(changed);
        const heard = inServerFrame(changed);
        if (bytes !== appendedBytes(changed)) expect(`${changed} ${bytes}`).toBe(appendedBytes(changed));
        expect(heard).toEqual(audioDelta(changed));
        found.appends += bytes === undefined ? 0 : 1;
        found.deltas += heard ? 1 : 0;
      }
    }
  }
  expect(found.appends).toBeGreaterThan(300);
  expect(found.deltas).toBeGreaterThan(300);
});

test('what is no ASCII is judged as a text: it may be broken', () => {
  const text = JSON.stringify({ ...delta, item_id: 'item_ü' });
  expect(audioDelta(text)?.bytes).toBe(960);
  expect(inServerFrame(text)).toBeUndefined();
  expect(inClientFrame(`{"type":"input_audio_buffer.append","audio":"${'AAé'.repeat(60)}"}`)).toBeUndefined();
});
