// The shapes of what is asked and answered about playbacks, for /openapi.json and for what comes in.
import * as z from 'zod';

const mode = z
  .enum(['full', 'segments', 'events'])
  .describe(
    '`full`: the sound as from the microphone. `segments`: turn by turn, without voice activity. `events`: the recorded events, shown in notices.',
  );
const speed = z
  .union([z.literal(0), z.number().min(0.5).max(8)])
  .describe('0: as fast as the session takes it.');

const playback = z
  .strictObject({
    id: z.string(),
    recordingId: z.string(),
    sessionId: z.string(),
    mode,
    speed: z.number(),
    state: z.enum(['checking', 'playing', 'finished', 'stopped', 'failed']),
    positionMs: z.number().describe('In the recording.'),
    durationMs: z.number(),
    message: z.string(),
    error: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
  })
  .meta({ id: 'Playback' });

export const playbackStart = z
  .strictObject({
    recordingId: z.string().describe('SESSION/TAKE'),
    mode: mode.default('full'),
    speed: speed.default(1),
    sessionId: z.string().optional().describe('Default: a session without a caller is opened for it alone.'),
    model: z.string().optional().describe('Of that session; default: the pipeline of the recording.'),
  })
  .meta({ id: 'PlaybackStart' });

export const playbackStop = z
  .strictObject({ id: z.string().optional(), sessionId: z.string().optional() })
  .describe('Neither: the one that is under way.')
  .meta({ id: 'PlaybackStop' });

export const playbackSchemas = {
  playback,
  playbacks: z.strictObject({ object: z.literal('list'), data: z.array(playback) }),
  playbackStart,
  playbackStop,
  playbackStopped: z
    .strictObject({
      status: z.enum(['stopped', 'no_playback_active']),
      id: z.string().nullable(),
    })
    .meta({ id: 'PlaybackStopped' }),
} as const;
