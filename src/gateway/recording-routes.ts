// Recordings over HTTP: switched, found, heard, removed.
import { GreenroomError } from '../lifecycle/errors.ts';
import { AudioFile, rangeIn } from '../recordings/audio-file.ts';
import type { TakeFacts, Track } from '../recordings/facts.ts';
import { isSessionName, type Part, parts } from '../recordings/names.ts';
import type { Recordings } from '../recordings/recordings.ts';
import { recordingSwitch } from './recording-schemas.ts';
import type { Answer, RouteCall, RouteTable } from './route-table.ts';

const limitDefault = 1000;

export function recordingRoutes(recordings: Recordings): RouteTable {
  return {
    '/api/sessions/{id}/recording': {
      POST: {
        surface: 'admin',
        summary: 'Switches the recording of a session that is open. Answered when it is so.',
        body: 'recordingSwitch',
        answers: { 200: 'recordingState' },
        refusals: ['not_found', 'invalid_request', 'body_too_large', 'recording_failed'],
        answer: async ({ param, json }) => {
          const { on } = wanted(await json());
          return { status: 200, body: await recordings.switch(param('id'), on) };
        },
      },
    },
    '/api/recordings': {
      GET: {
        surface: 'admin',
        summary: 'What was recorded, the newest first: `session`, `limit` (1000).',
        answers: { 200: 'recordings' },
        refusals: ['invalid_request', 'recording_failed'],
        answer: async ({ query }) => {
          const data = await recordings.list(sessionIn(query('session')), limitIn(query('limit')));
          return { status: 200, body: { object: 'list', data } };
        },
      },
      POST: {
        surface: 'admin',
        summary: 'Imports a WAV or WebM/Opus, whichever the body is: a recording without a session.',
        body: 'recordedAudio',
        answers: { 201: 'recording' },
        refusals: ['invalid_audio', 'invalid_request', 'body_too_large', 'server_busy', 'recording_failed'],
        answer: async ({ bytes, header }) => {
          refuseTooLarge(header('content-length'), recordings.importBytesMax);
          return { status: 201, body: await recordings.import(bytes()) };
        },
      },
    },
    '/api/recordings/{session}/{take}': {
      GET: {
        surface: 'admin',
        summary: 'One recording.',
        answers: { 200: 'recording' },
        refusals: ['not_found', 'recording_broken', 'recording_failed'],
        answer: async ({ param }) => ({
          status: 200,
          body: await recordings.find(param('session'), param('take')),
        }),
      },
      DELETE: {
        surface: 'admin',
        summary: 'Removes one recording, with all its files.',
        answers: { 200: 'recordingRemoved' },
        refusals: ['not_found', 'recording_under_way', 'recording_failed'],
        answer: async ({ param }) => {
          const { id } = await recordings.remove(param('session'), param('take'));
          return { status: 200, body: { id, deleted: true } };
        },
      },
    },
    '/api/recordings/{session}/{take}/audio': {
      GET: {
        surface: 'admin',
        summary:
          'Its sound, WAV or the WebM that came: `part` is `caller` (the default) or `assistant`; `piece` (1) counts `caller` and `callerMore`. A `Range` of bytes is heeded.',
        answers: { 200: 'recordedAudio', 206: 'recordedAudio' },
        refusals: [
          ...(['not_found', 'invalid_request', 'range_not_satisfiable'] as const),
          ...(['recording_broken', 'recording_failed'] as const),
        ],
        answer: (call) => audio(recordings, call),
      },
    },
  };
}

async function audio(recordings: Recordings, { param, query, header, method }: RouteCall): Promise<Answer> {
  const part = partIn(query('part') ?? 'caller');
  const take = await recordings.find(param('session'), param('take'));
  const track = trackIn(take, part, query('piece') ?? '1');
  const file = await AudioFile.open(recordings.root, take, track);
  const { bytes } = file;
  const asked = rangeIn(header('range'), bytes);
  if (asked.state === 'outside') {
    await file.close();
    const message = `recording ${take.id} has ${bytes} bytes of ${part}; ${header('range')} asks for none of them`;
    throw new GreenroomError('range_not_satisfiable', message, { details: { bytes } });
  }
  const range = asked.state === 'part' ? asked.range : { start: 0, end: bytes };
  const headers = {
    'accept-ranges': 'bytes',
    'content-length': String(range.end - range.start),
    ...(asked.state === 'part' && { 'content-range': `bytes ${range.start}-${range.end - 1}/${bytes}` }),
  };
  const status = asked.state === 'part' ? 206 : 200;
  const contentType = `audio/${track.container}`;
  if (method === 'GET') return { status, body: file.stream(range), contentType, headers };
  await file.close();
  return { status, body: '', contentType, headers };
}

/** Of the caller's, which may be several. */
function trackIn(take: TakeFacts, part: Part, piece: string): Track {
  if (part === 'assistant' && take.source === 'import')
    throw new GreenroomError(
      'not_found',
      `recording ${take.id} was brought along: there is nothing but the caller's sound`,
    );
  const tracks = part === 'caller' ? [take.caller, ...take.callerMore] : [take.assistant];
  const track = /^[1-9][0-9]{0,2}$/.test(piece) ? tracks[Number(piece) - 1] : undefined;
  if (track) return track;
  const message = `no piece ${JSON.stringify(piece.slice(0, 40))} of ${part}: recording ${take.id} has 1 to ${tracks.length}`;
  throw new GreenroomError('not_found', message, { details: { pieces: tracks.length } });
}

/** Before any of it is read. One that comes in chunks does not say. */
function refuseTooLarge(length: string | undefined, limit: number): void {
  if (length === undefined || Number(length) <= limit) return;
  const message = `a recording of ${length} bytes is over the limit of ${limit} (\`recordings.import\`)`;
  throw new GreenroomError('body_too_large', message, { details: { limit } });
}

function wanted(body: unknown): { readonly on: boolean } {
  const parsed = recordingSwitch.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new GreenroomError('invalid_request', 'expected {"on":true} or {"on":false}');
}

function partIn(given: string): Part {
  const part = parts.find((one) => one === given);
  if (part) return part;
  throw new GreenroomError(
    'invalid_request',
    `no part ${JSON.stringify(given.slice(0, 40))}: there are ${parts.join(' and ')}`,
  );
}

function sessionIn(given: string | undefined): string | undefined {
  if (given === undefined || isSessionName(given)) return given;
  throw new GreenroomError('invalid_request', `${JSON.stringify(given.slice(0, 96))} is no id of a session`);
}

function limitIn(given: string | undefined): number {
  if (given === undefined) return limitDefault;
  const limit = Number(given);
  if (/^[0-9]+$/.test(given) && limit >= 1 && limit <= 1_000_000) return limit;
  throw new GreenroomError(
    'invalid_request',
    `limit is a whole number from 1, got ${JSON.stringify(given.slice(0, 40))}`,
  );
}
