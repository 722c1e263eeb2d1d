// The shape of an answer's times, for /openapi.json.
import * as z from 'zod';

const stage = (what: string) => z.int().nullable().describe(`Ms: ${what}`);

const turn = z
  .strictObject({
    id: z.string().describe('Of the response.'),
    object: z.literal('turn'),
    session: z.string(),
    item: z
      .string()
      .nullable()
      .describe('What it answered: the last item of the conversation when it began.'),
    state: z
      .enum(['done', 'stopped', 'failed'])
      .describe('`stopped`: interrupted, cancelled, or cut off by the end of the session.'),
    beganAtMs: z.number().describe('Ms since the epoch.'),
    silenceMs: stage('from the end of the speech until it was known to be over.'),
    hearMs: stage('until it was written down.'),
    thinkMs: stage('from the beginning of the answer to its first word.'),
    sentenceMs: stage('to the end of its first sentence.'),
    speakMs: stage("to that sentence's first audio."),
    firstAudioMs: stage('from the end of the speech to the first audio.'),
    answerMs: stage('the answer from its beginning to its end.'),
  })
  .describe('Null: there was no such stage, or it was not reached.')
  .meta({ id: 'Turn' });

export const turnSchemas = {
  turns: z.strictObject({ object: z.literal('list'), data: z.array(turn) }),
} as const;
