// Playbacks over HTTP: started, stopped, found.
import type * as z from 'zod';
import { GreenroomError } from '../lifecycle/errors.ts';
import type { PlaybackDesk } from '../playback/desk.ts';
import { playbackStart, playbackStop } from './playback-schemas.ts';
import type { RouteTable } from './route-table.ts';

export function playbackRoutes(desk: PlaybackDesk): RouteTable {
  return {
    '/api/playback': {
      GET: {
        surface: 'admin',
        summary: 'The playbacks under way.',
        answers: { 200: 'playbacks' },
        answer: () => ({ status: 200, body: { object: 'list', data: desk.list() } }),
      },
    },
    '/api/playback/start': {
      POST: {
        surface: 'admin',
        summary: 'Plays a recording back into a session. Answered when it has begun.',
        body: 'playbackStart',
        answers: { 200: 'playback' },
        refusals: [
          ...(['invalid_request', 'body_too_large', 'not_found', 'model_not_found'] as const),
          ...(['no_session', 'session_listening', 'playback_active', 'playback_unsupported'] as const),
          ...(['recording_under_way', 'recording_unplayable', 'recording_failed'] as const),
          ...(['sessions_full', 'server_shutdown'] as const),
        ],
        answer: async ({ json }) => {
          const { sessionId, model, ...asked } = read(playbackStart, await json(), startForm);
          if (sessionId !== undefined && model !== undefined)
            throw new GreenroomError(
              'invalid_request',
              'model is for a session that is opened: sessionId names one that is',
            );
          return { status: 200, body: await desk.start({ ...asked, sessionId, model }) };
        },
      },
    },
    '/api/playback/stop': {
      POST: {
        surface: 'admin',
        summary: 'Ends a playback. Answered when nothing of it is left.',
        body: 'playbackStop',
        answers: { 200: 'playbackStopped' },
        refusals: ['invalid_request', 'body_too_large'],
        answer: async ({ json }) => ({
          status: 200,
          body: await desk.stop(read(playbackStop, (await json()) ?? {}, stopForm)),
        }),
      },
    },
    // After those with a name of their own.
    '/api/playback/{id}': {
      GET: {
        surface: 'admin',
        summary: 'One playback, also one of those that ended last.',
        answers: { 200: 'playback' },
        refusals: ['not_found'],
        answer: ({ param }) => ({ status: 200, body: desk.find(param('id')) }),
      },
    },
  };
}

const startForm =
  '{"recordingId":"SESSION/TAKE","mode":"full"|"segments"|"events","speed":0 or 0.5 to 8,"sessionId"?,"model"?}';
const stopForm = '{"id"?,"sessionId"?}';

function read<T>(schema: z.ZodType<T>, body: unknown, form: string): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.join('.') || 'the body';
  throw new GreenroomError('invalid_request', `${where}: ${issue?.message}; expected ${form}`);
}
