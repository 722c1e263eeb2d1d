// Mode `events`: the recorded session shown again to the caller, event by event, in notices. Says nothing in the session,
// and needs no engine. Of audio the events tell where it is in the recording.
import type { JsonObject } from '../wire/json.ts';
import type { EventLog } from './event-log.ts';
import type { Player } from './player.ts';

export async function playEvents(
  player: Player,
  { log, show }: { readonly log: EventLog; readonly show: (event: JsonObject, ms: number) => void },
  signal: AbortSignal,
): Promise<void> {
  for await (const { ms, from, event } of log.events) {
    if (from !== 'gateway') continue;
    await player.due(ms, signal);
    await player.place.room(signal);
    if (signal.aborted) return;
    player.at(ms);
    show(event, ms);
  }
}
