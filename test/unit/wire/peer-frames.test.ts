// What clients really send, as their sources have it: every one of these frames has to be taken. Those of
// @openai/agents-realtime are not copied here: agents-sdk.test.ts runs the library itself.
import type { RealtimeClientEvent } from 'openai/resources/realtime/realtime';
import { describe, expect, test } from 'vitest';
import { parseClientEvent } from '../../../src/wire/client-events.ts';

const audio = Buffer.alloc(960).toString('base64');
const tools = [
  {
    type: 'function',
    name: 'weather',
    description: 'Tells the weather.',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
];

/** livekit-plugins-openai, realtime_model.py: dumped with `exclude_unset`, so that a given None is a null. */
const livekit = [
  {
    type: 'session.update',
    event_id: 'session_update_0a1b2c3d4e5f',
    session: {
      type: 'realtime',
      model: 'gpt-realtime-2',
      output_modalities: ['audio'],
      audio: {
        input: {
          format: { rate: 24000, type: 'audio/pcm' },
          noise_reduction: null,
          transcription: { model: 'gpt-4o-mini-transcribe' },
          turn_detection: {
            type: 'semantic_vad',
            create_response: true,
            eagerness: 'medium',
            interrupt_response: true,
          },
        },
        output: { format: { rate: 24000, type: 'audio/pcm' }, speed: 1.0, voice: 'marin' },
      },
      max_output_tokens: 'inf',
      tool_choice: 'auto',
      tracing: null,
      truncation: null,
      reasoning: null,
      instructions: 'Be brief.',
    },
  },
  { type: 'session.update', event_id: 'tools_update_1', session: { type: 'realtime', model: 'x', tools } },
  {
    type: 'session.update',
    event_id: 'options_update_1',
    session: {
      type: 'realtime',
      audio: { input: { turn_detection: null, transcription: null } },
      tool_choice: { type: 'function', name: 'weather' },
    },
  },
  {
    type: 'session.update',
    session: { type: 'realtime', truncation: { type: 'retention_ratio', retention_ratio: 0.8 } },
  },
  { type: 'input_audio_buffer.append', audio },
  { type: 'input_audio_buffer.commit' },
  {
    type: 'conversation.item.create',
    event_id: 'chat_ctx_create_1',
    previous_item_id: 'root',
    item: { type: 'message', role: 'system', content: [{ type: 'input_text', text: 'Hi.' }], id: 'item_1' },
  },
  {
    type: 'conversation.item.create',
    event_id: 'chat_ctx_create_2',
    previous_item_id: 'item_1',
    item: { id: 'item_2', type: 'function_call', call_id: 'call_1', name: 'weather', arguments: '{}' },
  },
  {
    type: 'conversation.item.create',
    event_id: 'chat_ctx_create_3',
    previous_item_id: 'item_2',
    item: { id: 'item_3', type: 'function_call_output', call_id: 'call_1', output: 'sunny' },
  },
  {
    type: 'conversation.item.create',
    item: {
      type: 'message',
      role: 'user',
      content: [{ type: 'input_audio', audio, transcript: null }],
      id: 'item_4',
    },
  },
  { type: 'conversation.item.delete', item_id: 'item_3', event_id: 'chat_ctx_delete_1' },
  {
    type: 'response.create',
    event_id: 'response_create_1',
    response: { instructions: null, metadata: { client_event_id: 'response_create_1' } },
  },
  { type: 'response.cancel' },
  { type: 'conversation.item.truncate', content_index: 0, item_id: 'item_5', audio_end_ms: 1234 },
];

/** pipecat, services/openai/realtime/events.py: each with an event id, dumped with `exclude_none`. */
const pipecat = [
  {
    event_id: '5c4e7a34-7d35-4b0e-a3f3-1e7b4b0c9f57',
    type: 'session.update',
    session: {
      type: 'realtime',
      output_modalities: ['audio'],
      instructions: 'Be brief.',
      audio: {
        input: {
          format: { type: 'audio/pcm', rate: 24000 },
          transcription: { model: 'gpt-4o-transcribe', language: 'en' },
          noise_reduction: { type: 'near_field' },
          turn_detection: {
            type: 'server_vad',
            threshold: 0.5,
            prefix_padding_ms: 300,
            silence_duration_ms: 500,
          },
        },
        output: { format: { type: 'audio/pcm', rate: 24000 }, voice: 'alloy', speed: 1.0 },
      },
      tools,
      tool_choice: 'auto',
      max_output_tokens: 4096,
      tracing: 'auto',
      prompt: { id: 'pmpt_1' },
      include: ['item.input_audio_transcription.logprobs'],
      reasoning: { effort: 'low' },
    },
  },
  {
    event_id: 'a',
    type: 'session.update',
    session: { type: 'realtime', audio: { input: { turn_detection: null } } },
  },
  { event_id: 'b', type: 'input_audio_buffer.append', audio },
  { event_id: 'c', type: 'input_audio_buffer.clear' },
  {
    event_id: 'd',
    type: 'conversation.item.create',
    item: {
      id: 'c0ffee00c0ffee00c0ffee00c0ffee00',
      type: 'message',
      role: 'user',
      content: [{ type: 'input_text', text: 'Hello.' }],
    },
  },
  {
    event_id: 'e',
    type: 'conversation.item.create',
    item: {
      id: 'c0ffee00c0ffee00c0ffee00c0ffee01',
      type: 'function_call_output',
      call_id: 'call_1',
      output: '{"ok":true}',
    },
  },
  {
    event_id: 'f',
    type: 'conversation.item.truncate',
    item_id: 'item_1',
    content_index: 0,
    audio_end_ms: 85,
  },
  { event_id: 'g', type: 'conversation.item.retrieve', item_id: 'item_1' },
  { event_id: 'h', type: 'response.create', response: { output_modalities: ['audio'] } },
  { event_id: 'i', type: 'response.create' },
  { event_id: 'j', type: 'response.cancel' },
];

/** openai-node sends what the application writes; its types say what that can be. */
const openaiNode: readonly RealtimeClientEvent[] = [
  { type: 'session.update', session: { type: 'realtime' } },
  {
    type: 'session.update',
    session: {
      type: 'realtime',
      tool_choice: { type: 'mcp', server_label: 'docs', name: 'search' },
      tools: [
        { type: 'mcp', server_label: 'docs', server_url: 'https://mcp.example', require_approval: 'never' },
      ],
      parallel_tool_calls: true,
      truncation: {
        type: 'retention_ratio',
        retention_ratio: 0.5,
        token_limits: { post_instructions: 8000 },
      },
      tracing: { workflow_name: 'call', group_id: 'g', metadata: { a: 1 } },
      audio: {
        input: {
          noise_reduction: { type: 'far_field', strength: 1 },
          turn_detection: { type: 'server_vad', idle_timeout_ms: 6000 },
        },
        output: { voice: { id: 'voice_1234' } },
      },
    },
  },
  { type: 'input_audio_buffer.append', audio, event_id: 'event_1' },
  { type: 'conversation.item.create', item: { type: 'function_call', name: 'f', arguments: '{}' } },
  {
    type: 'conversation.item.create',
    previous_item_id: 'root',
    item: {
      type: 'message',
      role: 'assistant',
      object: 'realtime.item',
      status: 'incomplete',
      content: [{ type: 'output_text', text: 'As I said.' }],
    },
  },
  { type: 'conversation.item.retrieve', item_id: 'item_1' },
  { type: 'conversation.item.delete', item_id: 'item_1' },
  { type: 'conversation.item.truncate', item_id: 'item_1', content_index: 0, audio_end_ms: 0 },
  {
    type: 'response.create',
    response: {
      conversation: 'auto',
      instructions: 'In one word.',
      max_output_tokens: 1,
      output_modalities: ['text'],
      tool_choice: 'required',
      audio: { output: { format: { type: 'audio/pcm', rate: 24000 }, voice: 'marin' } },
      metadata: { topic: 'x' },
    },
  },
  { type: 'response.cancel', response_id: 'resp_1' },
  { type: 'output_audio_buffer.clear' },
];

describe.each([
  ['LiveKit Agents', livekit],
  ['pipecat', pipecat],
  ['openai-node', openaiNode],
])('%s', (_peer, frames) => {
  test.each(frames.map((frame) => [frame.type, frame]))('%s is taken', (_type, frame) => {
    const text = JSON.stringify(frame);
    expect(parseClientEvent(text)).toEqual({ state: 'event', event: JSON.parse(text) });
  });
});
