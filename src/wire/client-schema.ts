// What a client may send: the schemas of the eleven client events, and of one that is older. Strict, so that a misspelt parameter is told by its
// name and never passed over; `null` stands for "cleared" wherever a client may leave a parameter out. Made when the
// first event comes: the door must not wait for it (measured: 10 ms of a start).
import * as z from 'zod';
import { type G711Format, g711RateHz, pcmRatesHz } from './session-config.ts';

/** Of one text, in characters. */
const textCharsMax = 1_000_000;
/** 15 MiB of audio, as base64: OpenAI's limit for one append. */
const base64CharsMax = 20_971_520;
export const eventIdCharsMax = 512;

let made: ReturnType<typeof makeSchema> | undefined;

export function clientEventSchema() {
  made ??= makeSchema();
  return made;
}

function makeSchema() {
  const eventId = z.string().max(eventIdCharsMax).optional();
  const id = z.string().min(1).max(128);
  const text = z.string().max(textCharsMax);
  const word = z.string().max(256);
  const json = z.record(z.string(), z.unknown());

  /** G.711 has one rate: to say it is no mistake. */
  const g711 = (type: G711Format['type']) =>
    z.strictObject({
      type: z.literal(type),
      rate: z.literal(g711RateHz, { error: `${type} has ${g711RateHz} Hz` }).nullish(),
    });
  const plain = [
    z.strictObject({
      type: z.literal('audio/pcm'),
      rate: z.literal(pcmRatesHz, { error: `the rates are ${pcmRatesHz.join(', ')} Hz` }).nullish(),
    }),
    g711('audio/pcmu'),
    g711('audio/pcma'),
  ] as const;
  const formats = '{"type":"audio/pcm","rate":24000}, {"type":"audio/pcmu"} and {"type":"audio/pcma"}';
  const format = z.discriminatedUnion('type', plain, { error: `the formats are ${formats}` });
  const inputFormat = z.discriminatedUnion(
    'type',
    [...plain, z.strictObject({ type: z.literal('audio/webm') })],
    { error: `the formats are ${formats}, and {"type":"audio/webm"} for input` },
  );

  const turnDetection = z.discriminatedUnion('type', [
    z.strictObject({
      type: z.literal('server_vad'),
      threshold: z.number().min(0).max(1).optional(),
      prefix_padding_ms: z.number().int().min(0).max(10_000).optional(),
      silence_duration_ms: z.number().int().min(0).max(60_000).optional(),
      idle_timeout_ms: z.number().int().min(5000).max(30_000).nullable().optional(),
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

  /** What the session and one response have in common. */
  const answering = {
    output_modalities: z
      .tuple([z.enum(['text', 'audio'])], { error: 'expected ["audio"] or ["text"]' })
      .nullish(),
    instructions: text.nullish(),
    tools: z.array(json).max(1024).nullish(),
    tool_choice: z
      .union([z.enum(['auto', 'none', 'required']), json], {
        error: 'expected "auto", "none", "required" or an object that names a tool',
      })
      .nullish(),
    parallel_tool_calls: z.boolean().nullish(),
    max_output_tokens: z
      .union([z.literal('inf'), z.number().int().min(1).max(1_000_000)], {
        error: 'expected "inf" or a whole number from 1 to 1000000',
      })
      .nullish(),
    prompt: json.nullish(),
    reasoning: json.nullish(),
  };

  const voice = z.union([word, json], { error: 'expected the name of a voice' });

  const truncation = z.union(
    [
      z.enum(['auto', 'disabled']),
      z.strictObject({
        type: z.literal('retention_ratio'),
        retention_ratio: z.number().min(0).max(1),
        token_limits: z.strictObject({ post_instructions: z.number().int().min(0).nullish() }).nullish(),
      }),
    ],
    { error: 'expected "auto", "disabled" or {"type":"retention_ratio","retention_ratio":0.8}' },
  );

  /** Whatever `session.created` shows may come back: clients send the session they were shown, a little changed. */
  const session = z.strictObject({
    type: z.enum(['realtime', 'transcription']).nullish(),
    object: word.nullish(),
    id: word.nullish(),
    expires_at: z.number().nullish(),
    model: word.nullish(),
    ...answering,
    truncation: truncation.nullish(),
    /** Our own; what is in effect is told in a notice. */
    greenroom: z.strictObject({ record: z.boolean().nullish() }).nullish(),
    /** Whether its caller may come back after a lost connection. */
    resumption: z.strictObject({ enabled: z.boolean().nullish() }).nullish(),
    tracing: z.union([z.literal('auto'), json], { error: 'expected "auto" or an object' }).nullish(),
    include: z.array(word).max(64).nullish(),
    audio: z
      .strictObject({
        input: z
          .strictObject({
            format: inputFormat.nullish(),
            transcription: json.nullish(),
            noise_reduction: json.nullish(),
            turn_detection: turnDetection.nullish(),
          })
          .nullish(),
        output: z
          .strictObject({
            format: format.nullish(),
            voice: voice.nullish(),
            speed: z.number().min(0.25).max(1.5).nullish(),
          })
          .nullish(),
      })
      .nullish(),
  });

  /** The beta's own. */
  const transcriptionSession = z.strictObject({
    client_secret: json.nullish(),
    include: z.array(word).max(64).nullish(),
    input_audio_format: z.enum(['pcm16', 'g711_ulaw', 'g711_alaw']).optional(),
    input_audio_noise_reduction: json.nullish(),
    input_audio_transcription: json.nullish(),
    modalities: z
      .array(z.enum(['text', 'audio']))
      .max(2)
      .nullish(),
    turn_detection: turnDetection.nullish(),
  });

  // Looked for is what is wrong: a pattern of what is right runs out of stack on some megabytes.
  const base64 = z
    .string()
    .max(base64CharsMax)
    .refine((given) => given.length % 4 === 0 && !/[^A-Za-z0-9+/]/.test(given.replace(/={1,2}$/, '')), {
      error: 'it is not base64',
    });

  const inputText = z.strictObject({ type: z.literal('input_text'), text });
  const inputAudio = z.strictObject({
    type: z.literal('input_audio'),
    audio: base64.nullish(),
    transcript: text.nullish(),
  });
  const userPart = z.discriminatedUnion('type', [inputText, inputAudio], {
    error: ({ code, input }) =>
      code === 'invalid_union' && (input as { type?: unknown }).type === 'input_image'
        ? 'images are not in this version of greenroom; they come in a later one'
        : undefined,
  });
  const outputText = z.strictObject({ type: z.literal('output_text'), text });
  /** Audio of the assistant's that a client brings along is not kept: the API cannot be given any. */
  const outputAudio = z.strictObject({
    type: z.literal('output_audio'),
    audio: base64.nullish(),
    transcript: text.nullish(),
  });

  const itemHead = {
    id: id.refine((given) => given !== 'root', { error: '"root" is a place, not an item' }).nullish(),
    object: word.nullish(),
    status: z.enum(['completed', 'incomplete', 'in_progress']).nullish(),
  };
  const message = { ...itemHead, type: z.literal('message') };
  const partsMax = 128;
  const inputsMax = 1024;

  const itemKinds = [
    z.discriminatedUnion('role', [
      z.strictObject({
        ...message,
        role: z.literal('user'),
        content: z.array(userPart).max(partsMax),
      }),
      z.strictObject({
        ...message,
        role: z.literal('assistant'),
        content: z.array(z.discriminatedUnion('type', [outputText, outputAudio])).max(partsMax),
      }),
      z.strictObject({ ...message, role: z.literal('system'), content: z.array(inputText).max(partsMax) }),
    ]),
    z.strictObject({
      ...itemHead,
      type: z.literal('function_call'),
      call_id: id.nullish(),
      name: word,
      arguments: text,
    }),
    z.strictObject({ ...itemHead, type: z.literal('function_call_output'), call_id: id, output: text }),
  ] as const;
  const item = z.discriminatedUnion('type', itemKinds);
  const reference = z.strictObject({ type: z.literal('item_reference'), id });

  const pairsMax = 16;
  const metadata = z
    .record(z.string().max(64), z.string().max(512))
    .refine((given) => Object.keys(given).length <= pairsMax, { error: `${pairsMax} pairs at most` });

  const response = z.strictObject({
    ...answering,
    metadata: metadata.nullish(),
    conversation: z.enum(['auto', 'none']).nullish(),
    input: z
      .array(z.discriminatedUnion('type', [...itemKinds, reference]))
      .max(inputsMax)
      .nullish(),
    audio: z
      .strictObject({
        output: z.strictObject({ format: format.nullish(), voice: voice.nullish() }).nullish(),
      })
      .nullish(),
  });

  return z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('session.update'), event_id: eventId, session }),
    z.strictObject({
      type: z.literal('transcription_session.update'),
      event_id: eventId,
      session: transcriptionSession,
    }),
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
    z.strictObject({ type: z.literal('response.create'), event_id: eventId, response: response.nullish() }),
    z.strictObject({ type: z.literal('response.cancel'), event_id: eventId, response_id: id.nullish() }),
    z.strictObject({ type: z.literal('output_audio_buffer.clear'), event_id: eventId }),
  ]);
}

export type ClientEvent = z.infer<ReturnType<typeof makeSchema>>;
/** The events of one type. */
export type ClientEventOf<T extends ClientEvent['type']> = Extract<ClientEvent, { type: T }>;
export type ResponseInput = NonNullable<
  NonNullable<ClientEventOf<'response.create'>['response']>['input']
>[number];
export type TranscriptionSessionUpdate = ClientEventOf<'transcription_session.update'>['session'];
export type ClientItem = ClientEventOf<'conversation.item.create'>['item'];
export type SessionUpdate = ClientEventOf<'session.update'>['session'];
