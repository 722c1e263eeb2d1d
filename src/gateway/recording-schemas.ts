// The shapes of what is asked and answered about recordings, for /openapi.json and for what comes in.
import * as z from 'zod';

const track = z.strictObject({
  file: z.string().describe('Its name in the folder of the take.'),
  container: z.enum(['wav', 'webm']),
  codec: z.enum(['pcm', 'opus']),
  rateHz: z.int().describe('At which its samples are counted; of Opus 48000.'),
  samples: z.int(),
  durationMs: z.number(),
  formats: z.array(z.string()).describe('Those that travelled: it was decoded from them.'),
});

const recording = z
  .strictObject({
    id: z.string().describe('SESSION/TAKE'),
    session: z.string(),
    take: z.int(),
    pipeline: z.string(),
    state: z
      .enum(['recording', 'finished', 'failed', 'interrupted'])
      .describe('`interrupted`: its gateway was gone before it had ended; it was repaired.'),
    reason: z.string().nullable().describe('Why it ended: `switched_off`, or why its session did.'),
    error: z.strictObject({ code: z.literal('recording_failed'), message: z.string() }).nullable(),
    startedAtMs: z.number().describe('Ms since the epoch.'),
    endedAtMs: z.number().nullable().describe('Ms since the epoch.'),
    source: z
      .enum(['session', 'import'])
      .describe('`import`: it was brought along; no session, no pipeline.'),
    caller: track,
    callerMore: z.array(track).describe('What the caller sent after a change of its format, in order.'),
    assistant: track,
    events: z.int(),
    bytes: z.int(),
    version: z.string().describe('Of the greenroom that made it.'),
  })
  .meta({ id: 'Recording' });

const listOf = (things: z.ZodType) => z.strictObject({ object: z.literal('list'), data: z.array(things) });

export const recordingSwitch = z.strictObject({ on: z.boolean() }).meta({ id: 'RecordingSwitch' });

export const recordingSchemas = {
  recording,
  recordedAudio: z.string().describe('Bytes.').meta({ id: 'RecordedAudio' }),
  recordings: listOf(recording),
  recordingSwitch,
  recordingState: z
    .strictObject({
      session: z.string(),
      state: z.enum(['on', 'off']),
      take: z.int().nullable().describe('The one under way, or the last one.'),
      message: z.string(),
    })
    .meta({ id: 'RecordingState' }),
  recordingRemoved: z
    .strictObject({ id: z.string(), deleted: z.literal(true) })
    .meta({ id: 'RecordingRemoved' }),
} as const;
