// The eleven client events of the Realtime API, parsed and judged. A frame that does not fit is answered with a coded
// error that names the parameter; it never ends the connection.
import * as z from 'zod';
import type { WireError } from './server-events.ts';

const eventId = z.string().max(512).optional();
const json = z.record(z.string(), z.unknown());
const id = z.string().min(1).max(128);

const turnDetection = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('server_vad'),
    threshold: z.number().min(0).max(1).optional(),
    prefix_padding_ms: z.number().int().min(0).max(10_000).optional(),
    silence_duration_ms: z.number().int().min(0).max(60_000).optional(),
    idle_timeout_ms: z.number().int().min(5000).max(30_000).nullish(),
    create_response: z.boolean().optional(),
    interrupt_response: z.boolean().optional(),
  }),
  z.strictObject({
    type: z.literal('semantic_vad'),
    eagerness: z.enum(['low', 'medium', 'high', 'auto']).optional(),
    create_response: z.boolean().optional(),
    interrupt_response: z.boolean().optional(),
  }),
]);

/** Only what is on the wire today; other formats and rates are refused by name. */
const format = z.strictObject({ type: z.literal('audio/pcm'), rate: z.literal(24_000).optional() });
const voice = z.union([z.string().max(128), json]);
const toolChoice = z.union([z.string().max(64), json]);
const modalities = z.tuple([z.enum(['text', 'audio'])]);
const maxTokens = z.union([z.literal('inf'), z.number().int().min(1).max(1_000_000)]);

const sessionUpdate = z.strictObject({
  type: z.literal('realtime').optional(),
  object: z.string().optional(),
  id: z.string().optional(),
  expires_at: z.number().optional(),
  model: z.string().max(256).optional(),
  output_modalities: modalities.optional(),
  instructions: z.string().max(1_000_000).nullish(),
  tools: z.array(json).max(1024).nullish(),
  tool_choice: toolChoice.nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  max_output_tokens: maxTokens.nullish(),
  truncation: z.unknown(),
  tracing: z.unknown(),
  prompt: z.unknown(),
  reasoning: z.unknown(),
  include: z.array(z.string()).nullish(),
  audio: z
    .strictObject({
      input: z
        .strictObject({
          format: format.optional(),
          transcription: json.nullish(),
          noise_reduction: json.nullish(),
          turn_detection: turnDetection.nullish(),
        })
        .optional(),
      output: z
        .strictObject({
          format: format.optional(),
          voice: voice.optional(),
          speed: z.number().min(0.25).max(1.5).optional(),
        })
        .optional(),
    })
    .optional(),
});

const part = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('input_text'), text: z.string() }),
  z.strictObject({
    type: z.literal('input_audio'),
    audio: z.string().nullish(),
    transcript: z.string().nullish(),
  }),
  z.strictObject({ type: z.literal('input_image'), image_url: z.string(), detail: z.string().optional() }),
  z.strictObject({ type: z.literal('output_text'), text: z.string() }),
  z.strictObject({
    type: z.literal('output_audio'),
    audio: z.string().nullish(),
    transcript: z.string().nullish(),
  }),
]);

const itemHead = { id: id.optional(), object: z.string().optional(), status: z.string().optional() };

const item = z.discriminatedUnion('type', [
  z.strictObject({
    ...itemHead,
    type: z.literal('message'),
    role: z.enum(['user', 'assistant', 'system']),
    content: z.array(part).max(128),
  }),
  z.strictObject({
    ...itemHead,
    type: z.literal('function_call'),
    call_id: id.optional(),
    name: z.string(),
    arguments: z.string(),
  }),
  z.strictObject({ ...itemHead, type: z.literal('function_call_output'), call_id: id, output: z.string() }),
]);

const responseCreate = z.strictObject({
  output_modalities: modalities.optional(),
  instructions: z.string().max(1_000_000).nullish(),
  metadata: z.record(z.string().max(64), z.unknown()).nullish(),
  max_output_tokens: maxTokens.nullish(),
  conversation: z.literal('auto').nullish(),
  audio: z
    .strictObject({
      output: z.strictObject({ format: format.optional(), voice: voice.optional() }).optional(),
    })
    .optional(),
  tools: z.array(json).max(1024).nullish(),
  tool_choice: toolChoice.nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  prompt: z.unknown(),
  reasoning: z.unknown(),
});

const clientEvent = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('session.update'), event_id: eventId, session: sessionUpdate }),
  z.strictObject({ type: z.literal('input_audio_buffer.append'), event_id: eventId, audio: z.string() }),
  z.strictObject({ type: z.literal('input_audio_buffer.commit'), event_id: eventId }),
  z.strictObject({ type: z.literal('input_audio_buffer.clear'), event_id: eventId }),
  z.strictObject({
    type: z.literal('conversation.item.create'),
    event_id: eventId,
    previous_item_id: id.nullish(),
    item,
  }),
  z.strictObject({ type: z.literal('conversation.item.retrieve'), event_id: eventId, item_id: id }),
  z.strictObject({ type: z.literal('conversation.item.delete'), event_id: eventId, item_id: id }),
  z.strictObject({
    type: z.literal('conversation.item.truncate'),
    event_id: eventId,
    item_id: id,
    content_index: z.number().int().min(0),
    audio_end_ms: z.number().min(0),
  }),
  z.strictObject({
    type: z.literal('response.create'),
    event_id: eventId,
    response: responseCreate.nullish(),
  }),
  z.strictObject({ type: z.literal('response.cancel'), event_id: eventId, response_id: id.nullish() }),
  z.strictObject({ type: z.literal('output_audio_buffer.clear'), event_id: eventId }),
]);

export type ClientEvent = z.infer<typeof clientEvent>;
export type ClientItem = z.infer<typeof item>;
export type SessionUpdate = z.infer<typeof sessionUpdate>;

export type ParsedClientEvent =
  | { readonly state: 'event'; readonly event: ClientEvent }
  | { readonly state: 'refused'; readonly error: WireError };

export function parseClientEvent(text: string): ParsedClientEvent {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return refuse('invalid_json', `the frame is not JSON: ${(error as Error).message}`, null, null);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refuse('invalid_event', 'a client event is a JSON object with a `type`', null, null);
  }
  const given = value as { type?: unknown; event_id?: unknown; audio?: unknown };
  const givenId = typeof given.event_id === 'string' ? given.event_id : null;
  // The one frequent event: fifty a second and caller. Judged by hand.
  if (given.type === 'input_audio_buffer.append' && typeof given.audio === 'string') {
    return {
      state: 'event',
      event: { type: given.type, audio: given.audio, ...(givenId && { event_id: givenId }) },
    };
  }
  const parsed = clientEvent.safeParse(value);
  if (parsed.success) return { state: 'event', event: parsed.data };
  const [issue] = parsed.error.issues;
  return refuseIssue(issue, given.type, givenId);
}

function refuseIssue(
  issue: z.core.$ZodIssue | undefined,
  type: unknown,
  givenId: string | null,
): ParsedClientEvent {
  const path = issue?.path.join('.') ?? '';
  if (!issue) return refuse('invalid_event', 'the event does not fit the schema', null, givenId);
  if (path === 'type' && issue.code === 'invalid_union') {
    const message =
      type === undefined
        ? 'the event has no `type`'
        : `unknown event type ${JSON.stringify(type)?.slice(0, 100)}`;
    return refuse(
      type === undefined ? 'missing_required_parameter' : 'invalid_value',
      message,
      'type',
      givenId,
    );
  }
  if (issue.code === 'unrecognized_keys') {
    const key = [path, issue.keys[0]].filter(Boolean).join('.');
    return refuse('unknown_parameter', `unknown parameter: '${key}'`, key, givenId);
  }
  const missing = issue.code === 'invalid_type' && issue.message.includes('received undefined');
  if (missing)
    return refuse('missing_required_parameter', `missing required parameter: '${path}'`, path, givenId);
  return refuse('invalid_value', `invalid value for '${path}': ${issue.message}`, path, givenId);
}

function refuse(
  code: string,
  message: string,
  param: string | null,
  givenId: string | null,
): ParsedClientEvent {
  return {
    state: 'refused',
    error: { type: 'invalid_request_error', code, message, param, event_id: givenId },
  };
}
