// What a worker engine hears in a file, as `POST /v1/audio/transcriptions` has it: at once, or as a stream of what is
// certain. Takes WAV: it decodes nothing else.
// https://platform.openai.com/docs/api-reference/audio/createTranscription
import * as z from 'zod';
import { type WavPieces, wavPieces } from '../../audio/wav-pieces.ts';
import { isRate, rateExpected, type TranscriptPart } from '../../engines/contract.ts';
import { type Clock, turn } from '../../lifecycle/clock.ts';
import { GreenroomError, messageOf } from '../../lifecycle/errors.ts';
import { sendJson } from './chat-answer.ts';
import { checked } from './chat-request.ts';
import { readForm } from './form-data.ts';
import { bodyLimits } from './outflow.ts';
import { eventHead, type Reply } from './reply.ts';

const formats = ['json', 'text', 'verbose_json'] as const;

const schema = z.looseObject({
  language: z.string().max(64).optional(),
  response_format: z
    .enum(formats, { error: `this engine answers ${formats.join(', ')}; it knows no times` })
    .optional(),
  stream: z.string().optional(),
});

export interface TranscriptionAsked {
  readonly wav: WavPieces;
  readonly language: string | null;
  readonly form: (typeof formats)[number] | 'stream';
}

/** Throws `invalid_request`. */
export function transcriptionAsked(body: Buffer, boundary: string): TranscriptionAsked {
  const { fields, files } = readForm(body, boundary);
  const { language, response_format, stream } = checked(schema, Object.fromEntries(fields));
  const file = files.get('file');
  if (!file) throw invalid('the form has no file; expected one in `file`');
  const streamed = stream?.trim().toLowerCase() === 'true' || stream?.trim() === '1';
  return {
    wav: wavOf(file.bytes, file.filename),
    language: language?.trim() || null,
    form: streamed ? 'stream' : (response_format ?? 'json'),
  };
}

function wavOf(bytes: Buffer, filename: string): WavPieces {
  let wav: WavPieces;
  try {
    wav = wavPieces(bytes);
  } catch (cause) {
    throw invalid(
      `${JSON.stringify(filename.slice(0, 200))} is no WAV, which is what this engine takes: ${messageOf(cause)}`,
    );
  }
  if (!isRate(wav.rateHz)) throw invalid(`its rate is ${wav.rateHz} Hz, not ${rateExpected}`);
  if (wav.seconds === 0) throw invalid('there is not one sample in the file');
  return wav;
}

/** Its samples, with a turn of the loop between two seconds of them. */
export async function* samplesOf({ wav }: TranscriptionAsked, clock: Clock): AsyncGenerator<Int16Array> {
  for (const piece of wav.pieces()) {
    yield piece;
    await turn(clock);
  }
}

export async function answerTranscription(options: {
  readonly asked: TranscriptionAsked;
  readonly parts: AsyncIterable<TranscriptPart>;
  readonly reply: Reply;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { asked, parts, reply, signal } = options;
  const { form, wav, language } = asked;
  const certain: string[] = [];
  let latest = '';
  const settle = async (text: string) => {
    latest = '';
    if (text.trim() === '') return;
    certain.push(text.trim());
    if (form !== 'stream') return;
    const delta = certain.length === 1 ? text.trim() : ` ${text.trim()}`;
    await event(reply, { type: 'transcript.text.delta', delta });
  };
  for await (const { text, final } of parts) {
    if (final) await settle(text);
    else latest = text;
  }
  if (signal.aborted) return;
  // What it never said to be certain is all there is.
  await settle(latest);
  const text = certain.join(' ');
  if (form === 'stream') await event(reply, { type: 'transcript.text.done', text });
  else if (form === 'text') sendText(reply, `${text}\n`);
  else if (form === 'json') sendJson(reply, { text });
  else
    sendJson(reply, {
      ...{ task: 'transcribe', language: language ?? 'unknown', duration: wav.seconds, text, segments: [] },
    });
}

async function event(reply: Reply, body: object): Promise<void> {
  if (reply.state !== 'answering') reply.begin(eventHead);
  await reply.send(Buffer.from(`data: ${JSON.stringify(body)}\n\n`));
}

function sendText(reply: Reply, text: string): void {
  const headers = { 'content-type': 'text/plain; charset=utf-8' };
  reply.begin({ status: 200, headers, form: 'body', limits: bodyLimits });
  reply.push(Buffer.from(text));
}

const invalid = (message: string) => new GreenroomError('invalid_request', message);
