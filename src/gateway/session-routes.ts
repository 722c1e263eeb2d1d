// Sessions over HTTP, open and past: found, read, taken elsewhere, removed.
import { GreenroomError } from '../lifecycle/errors.ts';
import { isSessionName } from '../recordings/names.ts';
import type { ExportFormat } from '../store/archive.ts';
import type { RouteTable } from './route-table.ts';
import { itemsLimit, type SessionLibrary } from './session-library.ts';
import { cursorIn, formatIn, limitIn, sessionQuestion, takeIn } from './session-question.ts';

export interface SessionSources {
  readonly library: SessionLibrary;
  /** No secret leaves. */
  readonly mask: (text: string) => string;
}

export function sessionRoutes({ library, mask }: SessionSources): RouteTable {
  return {
    '/api/sessions': {
      GET: {
        surface: 'admin',
        summary:
          'Sessions, the newest first. Without anything: those that are open. `state` (open, ended, all; all by default with one of the following), `since`, `until` (when they were opened: ms since the epoch, or ISO 8601), `pipeline`, `q` (words that one item has, each as the beginning of one), `limit` (100, 1000 at most), `cursor` (`nextCursor` of the page before).',
        answers: { 200: 'sessions' },
        refusals: ['invalid_request', 'not_found', 'store_unusable', 'store_busy'],
        answer: async ({ query }) => ({
          status: 200,
          body: { object: 'list', ...(await library.list(sessionQuestion(query))) },
        }),
      },
    },
    '/api/sessions/{id}': {
      GET: {
        surface: 'admin',
        summary: `A session, open or not, with its recordings, its background work and its first ${itemsLimit} items.`,
        answers: { 200: 'sessionWhole' },
        refusals: ['not_found', 'store_unusable', 'store_busy'],
        answer: async ({ param }) => ({ status: 200, body: await library.one(param('id')) }),
      },
      DELETE: {
        surface: 'admin',
        summary:
          'Removes a session that has ended: what was said, its background work, its recordings with their files. Once more: nothing more goes.',
        answers: { 200: 'sessionRemoved' },
        refusals: [
          ...(['not_found', 'session_open', 'recording_under_way', 'recording_failed'] as const),
          ...(['store_unusable', 'store_busy'] as const),
        ],
        answer: async ({ param }) => {
          const id = checked(param('id'));
          const { items, tasks, recordings } = await library.remove(id);
          return { status: 200, body: { id, deleted: true, items, tasks, recordings } };
        },
      },
    },
    '/api/sessions/{id}/items': {
      GET: {
        surface: 'admin',
        summary:
          'What was said in a session, in the order of the conversation: `limit` (1000 at most, the default), `cursor`.',
        answers: { 200: 'items' },
        refusals: ['not_found', 'invalid_request', 'store_unusable', 'store_busy'],
        answer: async ({ param, query }) => {
          const limit = limitIn(query('limit')) ?? itemsLimit;
          const { items, nextCursor } = await library.items(param('id'), cursorIn(query('cursor')), limit);
          return { status: 200, body: { object: 'list', data: items, nextCursor } };
        },
      },
    },
    '/api/sessions/{id}/export': {
      GET: {
        surface: 'admin',
        summary:
          'A session to be taken elsewhere, as a file: `format` is `json` (the default), `text` or `vtt` (WebVTT). With `take` times count from the beginning of that recording.',
        answers: { 200: 'transcript' },
        refusals: ['not_found', 'invalid_request', 'store_unusable', 'store_busy'],
        answer: async ({ param, query }) => {
          const id = checked(param('id'));
          const format = formatIn(query('format'));
          const take = takeIn(query('take'));
          const pieces = await library.exported(id, format, take);
          const name = `${id}${take === null ? '' : `-${take}`}.${endings[format]}`;
          return {
            status: 200,
            body: streamOf(pieces, mask),
            contentType: contentTypes[format],
            headers: { 'content-disposition': `attachment; filename="${name}"` },
          };
        },
      },
    },
  };
}

const endings: Readonly<Record<ExportFormat, string>> = { json: 'json', text: 'txt', vtt: 'vtt' };

const contentTypes: Readonly<Record<ExportFormat, string>> = {
  json: 'application/json',
  text: 'text/plain; charset=utf-8',
  vtt: 'text/vtt; charset=utf-8',
};

/** At the pace of whoever reads: a long session is a long text. */
function streamOf(pieces: readonly string[], mask: (text: string) => string): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let at = 0;
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const piece = pieces[at];
        at += 1;
        if (piece === undefined) controller.close();
        else controller.enqueue(encoder.encode(mask(piece)));
      },
    },
    { highWaterMark: 0 },
  );
}

/** It becomes the name of a file, and of a folder that is looked for. */
function checked(id: string): string {
  if (isSessionName(id)) return id;
  throw new GreenroomError('not_found', `${JSON.stringify(id.slice(0, 96))} is no id of a session`);
}
