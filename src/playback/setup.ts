// How the caller of a recording had set its session up before it said anything: for a session that is opened for its
// playback, and has nobody who would.
import type { TakeFacts } from '../recordings/facts.ts';
import type { CallersPlace } from '../sessions/callers-place.ts';
import { isObject, type JsonObject, without } from '../wire/json.ts';
import { type EventLog, openEventLog } from './event-log.ts';

const speaks = /^(?:input_audio_buffer\.|conversation\.item\.|response\.)/;

/** Where nothing is known of it, the session is as its pipeline has it. */
export async function setUp(place: CallersPlace, root: string, take: TakeFacts): Promise<void> {
  const log = await openEventLog(root, take).catch(() => undefined);
  if (!log) return;
  try {
    // What was refused then is refused now, and told to nobody.
    for (const update of await recordedSetup(log)) place.say(update);
  } finally {
    await log.close();
  }
}

/** Its `session.update`s, in their order; what was for the gateway alone (`greenroom`) is left out. */
async function recordedSetup({ events }: EventLog): Promise<readonly JsonObject[]> {
  const updates: JsonObject[] = [];
  for await (const { from, event } of events) {
    if (from !== 'caller') continue;
    if (speaks.test(String(event['type']))) break;
    const { session } = event;
    if (event['type'] === 'session.update' && isObject(session))
      updates.push({
        type: 'session.update',
        session: spoken(without(session, 'greenroom', 'model')),
      });
  }
  return updates;
}

/** What came as WebM is played back as PCM. */
function spoken(session: JsonObject): JsonObject {
  const { audio } = session;
  const input = isObject(audio) ? audio['input'] : undefined;
  if (!isObject(audio) || !isObject(input) || !isObject(input['format'])) return session;
  if (input['format']['type'] !== 'audio/webm') return session;
  return { ...session, audio: { ...audio, input: without(input, 'format') } };
}
