// `POST /v1/realtime/client_secrets`, as OpenAI has it.
import * as z from 'zod';
import { systemClock } from '../lifecycle/clock.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import type { PipelineBasics } from '../pipelines/pipeline.ts';
import { nothingWrittenDown } from '../realtime/session-update.ts';
import { sessionOf } from '../sessions/initial-session.ts';
import { noWebmMessage, wantsWebm } from '../sessions/ours-in-update.ts';
import { parseClientEvent } from '../wire/client-events.ts';
import type { SessionUpdate } from '../wire/client-schema.ts';
import { randomId } from '../wire/ids.ts';
import { shownSession } from '../wire/transcription-session.ts';
import { type ClientSecrets, clientSecretSeconds } from './client-secrets.ts';

const { min, max, default: secondsDefault } = clientSecretSeconds;

export const clientSecretRequest = z
  .strictObject({
    expires_after: z
      .strictObject({
        anchor: z.literal('created_at').optional(),
        seconds: z.int().min(min).max(max).optional(),
      })
      .optional(),
    session: z.record(z.string(), z.unknown()).optional().describe('As in `session.update`.'),
  })
  .meta({ id: 'ClientSecretRequest' });

export function createClientSecret(
  body: unknown,
  {
    clientSecrets,
    resolve,
  }: {
    readonly clientSecrets: ClientSecrets;
    /** Throws `model_not_found`. */
    readonly resolve: (model: string | null) => PipelineBasics;
  },
) {
  const request = clientSecretRequest.safeParse(body ?? {});
  if (!request.success) throw invalid(z.prettifyError(request.error));
  const { expires_after: after, session: given } = request.data;
  const session = given ? parsedSession(given) : null;
  const pipeline = resolve(session?.model ?? null);
  if (session?.type === 'transcription' && pipeline.abilities.hears !== 'words')
    throw invalid(nothingWrittenDown(pipeline.name));
  if (pipeline.kind === 'bridge' && wantsWebm(session)) throw invalid(noWebmMessage);
  const { value, expiresAt } = clientSecrets.create(after?.seconds ?? secondsDefault, session);
  const initial = { id: randomId('sess'), expiresAt: Math.floor(systemClock.wallTime() / 1000) + 3600 };
  const shown = shownSession(sessionOf(pipeline, { ...initial, preset: session }));
  return { value, expires_at: expiresAt, session: shown };
}

/** Checked as `session.update` is, with its words. */
function parsedSession(session: Readonly<Record<string, unknown>>): SessionUpdate {
  const parsed = parseClientEvent(JSON.stringify({ type: 'session.update', session }));
  if (parsed.state === 'refused') throw invalid(parsed.error.message);
  if (parsed.event.type !== 'session.update') throw invalid('expected a session');
  return parsed.event.session;
}

const invalid = (message: string) => new GreenroomError('invalid_request', message);
