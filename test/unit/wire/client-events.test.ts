import { describe, expect, test } from 'vitest';
import { parseClientEvent } from '../../../src/wire/client-events.ts';
import type { WireError } from '../../../src/wire/server-events.ts';

const parse = (value: unknown) => parseClientEvent(JSON.stringify(value));

function refusalOf(frame: string): WireError {
  const parsed = parseClientEvent(frame);
  if (parsed.state !== 'refused') throw new Error(`taken: ${frame.slice(0, 100)}`);
  return parsed.error;
}

const message = { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hi' }] };
const create = (item: unknown, rest: object = {}) => ({ type: 'conversation.item.create', item, ...rest });
const say = (part: unknown, role = 'user') => create({ type: 'message', role, content: [part] });
const respond = (response: unknown) => ({ type: 'response.create', response });
const update = (session: unknown) => ({ type: 'session.update', session });

describe('events that are taken, as they came', () => {
  test.each([
    [update({})],
    [update({ type: 'realtime', instructions: null })],
    [{ type: 'input_audio_buffer.append', audio: '' }],
    [{ type: 'input_audio_buffer.append', audio: 'AAAA', event_id: 'e' }],
    [{ type: 'input_audio_buffer.commit' }],
    [{ type: 'input_audio_buffer.clear', event_id: '' }],
    [create(message)],
    [create({ ...message, id: 'x'.repeat(128) }, { previous_item_id: null })],
    [create({ type: 'message', role: 'user', content: [] })],
    [create({ type: 'function_call_output', call_id: 'call_1', output: '' })],
    [{ type: 'conversation.item.retrieve', item_id: 'i' }],
    [{ type: 'conversation.item.delete', item_id: 'i' }],
    [{ type: 'conversation.item.truncate', item_id: 'i', content_index: 0, audio_end_ms: 12.5 }],
    [{ type: 'response.create' }],
    [respond(null)],
    [respond({})],
    [respond({ metadata: Object.fromEntries(Array.from({ length: 16 }, (_, n) => [`k${n}`, 'v'])) })],
    [{ type: 'response.cancel', response_id: null }],
    [{ type: 'output_audio_buffer.clear' }],
  ])('$type (%#)', (event) => {
    expect(parse(event)).toEqual({ state: 'event', event });
  });
});

describe('events that are refused: with the code, the parameter and the event id', () => {
  test.each<[string, string | null, unknown]>([
    ['invalid_event', null, 'text'],
    ['invalid_event', null, 7],
    ['invalid_event', null, null],
    ['invalid_event', null, true],
    ['invalid_event', null, [{ type: 'response.create' }]],
    ['missing_required_parameter', 'type', {}],
    ['invalid_value', 'type', { type: null }],
    ['invalid_value', 'type', { type: 'session.destroy' }],
    ['invalid_value', 'type', { type: 'toString' }],
    ['invalid_value', 'type', { type: '__proto__' }],
    ['invalid_value', 'type', { type: { type: 'response.create' } }],
    ['missing_required_parameter', 'session', { type: 'transcription_session.update' }],

    ['missing_required_parameter', 'audio', { type: 'input_audio_buffer.append' }],
    ['invalid_value', 'audio', { type: 'input_audio_buffer.append', audio: [1, 2] }],
    ['unknown_parameter', 'rate', { type: 'input_audio_buffer.append', audio: 'AAAA', rate: 16000 }],
    ['unknown_parameter', 'final', { type: 'input_audio_buffer.commit', final: true }],
    ['unknown_parameter', 'all', { type: 'input_audio_buffer.clear', all: true }],
    ['unknown_parameter', 'now', { type: 'output_audio_buffer.clear', now: 1 }],

    ['missing_required_parameter', 'item', { type: 'conversation.item.create' }],
    ['invalid_value', 'item', create('hi')],
    ['missing_required_parameter', 'item.type', create({})],
    ['invalid_value', 'item.type', create({ type: 'mcp_approval_response', approve: true })],
    ['missing_required_parameter', 'item.role', create({ type: 'message', content: [] })],
    ['invalid_value', 'item.role', create({ ...message, role: 'tool' })],
    ['missing_required_parameter', 'item.content', create({ type: 'message', role: 'user' })],
    ['invalid_value', 'item.content', create({ ...message, content: 'hi' })],
    ['invalid_value', 'item.id', create({ ...message, id: '' })],
    ['invalid_value', 'item.id', create({ ...message, id: 'x'.repeat(129) })],
    ['unknown_parameter', 'item.name', create({ ...message, name: 'bob' })],
    ['invalid_value', 'item.content.0', say(null)],
    ['missing_required_parameter', 'item.content.0.type', say({})],
    ['missing_required_parameter', 'item.content.0.text', say({ type: 'input_text' })],
    ['invalid_value', 'item.content.0.text', say({ type: 'input_text', text: 5 })],
    ['invalid_value', 'item.content.0.text', say({ type: 'input_text', text: 'x'.repeat(1_000_001) })],
    ['invalid_value', 'item.content.0.type', say({ type: 'input_image', image_url: 'data:' })],
    ['invalid_value', 'item.content.0.type', say({ type: 'text', text: 'beta' })],
    ['invalid_value', 'item.content.0.type', say({ type: 'input_text', text: 'x' }, 'assistant')],
    ['invalid_value', 'item.content.0.type', say({ type: 'output_text', text: 'x' })],
    ['invalid_value', 'item.content.0.type', say({ type: 'input_audio', audio: 'AAAA' }, 'system')],
    ['invalid_value', 'item.content.0.audio', say({ type: 'input_audio', audio: 'not base64' })],
    ['invalid_value', 'item.content.0.audio', say({ type: 'input_audio', audio: 'AAA' })],
    ['missing_required_parameter', 'item.call_id', create({ type: 'function_call_output', output: '' })],
    ['missing_required_parameter', 'item.name', create({ type: 'function_call', arguments: '' })],
    ['invalid_value', 'previous_item_id', create(message, { previous_item_id: 3 })],

    ['missing_required_parameter', 'item_id', { type: 'conversation.item.retrieve' }],
    ['invalid_value', 'item_id', { type: 'conversation.item.delete', item_id: { $ne: '' } }],
    [
      'missing_required_parameter',
      'audio_end_ms',
      { type: 'conversation.item.truncate', item_id: 'i', content_index: 0 },
    ],
    [
      'invalid_value',
      'audio_end_ms',
      { type: 'conversation.item.truncate', item_id: 'i', content_index: 0, audio_end_ms: -1 },
    ],
    [
      'invalid_value',
      'content_index',
      { type: 'conversation.item.truncate', item_id: 'i', content_index: 0.5, audio_end_ms: 1 },
    ],

    ['missing_required_parameter', 'session', { type: 'session.update' }],
    ['invalid_value', 'session', update([])],
    ['invalid_value', 'session.instructions', update({ instructions: 5 })],
    ['invalid_value', 'session.instructions', update({ instructions: 'x'.repeat(1_000_001) })],
    ['invalid_value', 'session.tools.0', update({ tools: ['look'] })],
    ['invalid_value', 'session.max_output_tokens', update({ max_output_tokens: 0 })],
    ['invalid_value', 'session.tool_choice', update({ tool_choice: 'sometimes' })],
    ['invalid_value', 'session.truncation', update({ truncation: 'never' })],
    ['invalid_value', 'session.audio.output.speed', update({ audio: { output: { speed: 9 } } })],
    ['unknown_parameter', 'session.voice', update({ voice: 'alloy' })],
    ['unknown_parameter', 'session.temperature', update({ temperature: 0.8 })],

    ['invalid_value', 'response', respond('now')],
    ['invalid_value', 'response.conversation', respond({ conversation: 'conv_1' })],
    ['invalid_value', 'response.input', respond({ input: 'Hello.' })],
    ['invalid_value', 'response.input.0.type', respond({ input: [{ type: 'item' }] })],
    ['missing_required_parameter', 'response.input.0.id', respond({ input: [{ type: 'item_reference' }] })],
    ['invalid_value', 'response.output_modalities', respond({ output_modalities: [] })],
    ['invalid_value', 'response.output_modalities.0', respond({ output_modalities: ['video'] })],
    ['invalid_value', 'response.metadata', respond({ metadata: [] })],
    ['invalid_value', 'response.metadata.k', respond({ metadata: { k: 5 } })],
    ['invalid_value', 'response.metadata.k', respond({ metadata: { k: 'v'.repeat(513) } })],
    [
      'invalid_value',
      'response.metadata',
      respond({ metadata: Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`k${n}`, 'v'])) }),
    ],
    ['unknown_parameter', 'response.modalities', respond({ modalities: ['text'] })],
    ['invalid_value', 'response_id', { type: 'response.cancel', response_id: '' }],
  ])('%s of %s (%#)', (code, param, event) => {
    expect(refusalOf(JSON.stringify(event))).toMatchObject({
      type: 'invalid_request_error',
      code,
      param,
      event_id: null,
    });
    if (typeof event !== 'object' || event === null || Array.isArray(event)) return;
    expect(refusalOf(JSON.stringify({ ...event, event_id: 'mine' }))).toMatchObject({
      code,
      event_id: 'mine',
    });
  });

  test.each([
    ['{"type":"response.create"', 'the end is missing'],
    ['', 'nothing'],
    ['\u0000', 'no text'],
    ["{'type':'response.create'}", 'not JSON'],
  ])('%j is no JSON: %s', (frame) => {
    expect(refusalOf(frame)).toMatchObject({ code: 'invalid_json', param: null, event_id: null });
  });

  test.each<[string, unknown]>([
    ["Unknown parameter: 'session.foo'.", update({ foo: 1 })],
    ["Missing required parameter: 'item'.", { type: 'conversation.item.create' }],
    [
      "Invalid value 'session.destroy' for 'type': Expected 'session.update' | 'transcription_session.update' | 'input_audio_buffer.append' | 'input_audio_buffer.commit' | 'input_audio_buffer.clear' | 'conversation.item.create' | 'conversation.item.retrieve' | 'conversation.item.delete' | 'conversation.item.truncate' | 'response.create' | 'response.cancel' | 'output_audio_buffer.clear'.",
      { type: 'session.destroy' },
    ],
    [
      'Invalid value \'conv_1\' for \'response.conversation\': expected one of "auto"|"none".',
      respond({ conversation: 'conv_1' }),
    ],
    [
      "Invalid value 'input_image' for 'item.content.0.type': images are not in this version of greenroom; they come in a later one.",
      say({ type: 'input_image', image_url: 'data:' }),
    ],
    [
      'Invalid value ["text","audio"] for \'session.output_modalities\': expected ["audio"] or ["text"].',
      update({ output_modalities: ['text', 'audio'] }),
    ],
    [
      "Invalid value 5 for 'session.instructions': expected string, received number.",
      update({ instructions: 5 }),
    ],
  ])('%s', (expected, event) => {
    expect(refusalOf(JSON.stringify(event)).message).toBe(expected);
  });

  test('an event id that is none is refused itself, and not sent back', () => {
    for (const event_id of [5, {}, null, 'x'.repeat(513)]) {
      const event = { type: 'input_audio_buffer.append', audio: 'AAAA', event_id };
      expect(refusalOf(JSON.stringify(event))).toMatchObject({ param: 'event_id', event_id: null });
    }
  });
});
