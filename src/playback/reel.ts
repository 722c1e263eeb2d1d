// What a recording gives a playback of some mode: its files, opened in the playback's scope and found in order, and how
// they are played.
import type { Scope } from '../lifecycle/scope.ts';
import type { TakeFacts } from '../recordings/facts.ts';
import type { Recordings } from '../recordings/recordings.ts';
import type { CallersPlace } from '../sessions/callers-place.ts';
import type { JsonObject } from '../wire/json.ts';
import { openCallerSound } from './caller-stream.ts';
import { unplayable } from './caller-track.ts';
import { type EventLog, openEventLog } from './event-log.ts';
import { playEvents } from './events.ts';
import { playFull } from './full.ts';
import type { PlaybackMode } from './playback.ts';
import type { Player } from './player.ts';
import { playSegments, utterancesIn } from './segments.ts';
import { setUp } from './setup.ts';

export interface Reel {
  /** Says in a session without a caller how its caller had set it up. */
  readonly setUp: (place: CallersPlace) => Promise<void>;
  readonly durationMs: number;
  readonly play: (player: Player, signal: AbortSignal, show: (event: JsonObject) => void) => Promise<void>;
}

/** Throws `recording_unplayable`. The scope closes what was opened. */
export async function openReel(
  scope: Scope,
  { root, decoders }: Pick<Recordings, 'root' | 'decoders'>,
  take: TakeFacts,
  mode: PlaybackMode,
): Promise<Reel> {
  if (take.source === 'import' && mode !== 'full')
    throw unplayable(take, `it was brought along and has no events; play it in mode \`full\``);
  const openLog = () =>
    scope.acquire(
      'events',
      () => openEventLog(root, take),
      (log) => log.close(),
    );
  if (mode === 'events') return eventsReel(await openLog(), take);
  const track = await scope.acquire(
    'caller track',
    () => openCallerSound(root, take, decoders),
    (opened) => opened.close(),
  );
  const { durationMs } = track;
  const asRecorded = (place: CallersPlace) => setUp(place, root, take);
  if (mode === 'full') {
    // Without events it is still a microphone.
    const turns = await openLog().then(utterancesIn, () => undefined);
    return {
      ...{ durationMs, setUp: asRecorded },
      play: (player, signal) => playFull(player, { track, turns }, signal),
    };
  }
  const utterances = await begun(utterancesIn(await openLog()));
  if (!utterances) throw unplayable(take, 'no utterance of the caller is in its events');
  return {
    ...{ durationMs, setUp: asRecorded },
    play: (player, signal) => playSegments(player, { track, utterances }, signal),
  };
}

async function eventsReel(log: EventLog, take: TakeFacts): Promise<Reel> {
  const events = await begun(log.events);
  if (!events) throw unplayable(take, 'there is no event in it');
  const durationMs = Math.max(
    0,
    (take.endedAtMs ?? take.startedAtMs) - take.startedAtMs,
    take.caller.durationMs,
  );
  return {
    durationMs,
    // Nothing is said in it.
    setUp: async () => undefined,
    play: (player, signal, show) => playEvents(player, { log: { ...log, events }, show }, signal),
  };
}

/** The same, its first one known to be there; undefined when there is none. */
async function begun<T>(all: AsyncIterable<T>): Promise<AsyncIterable<T> | undefined> {
  const rest = all[Symbol.asyncIterator]();
  const first = await rest.next();
  if (first.done) return undefined;
  async function* joined(value: T): AsyncGenerator<T> {
    yield value;
    yield* { [Symbol.asyncIterator]: () => rest };
  }
  return joined(first.value);
}
