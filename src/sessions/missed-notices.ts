// What is told beside the conversation while nobody is there to hear it: how a playback, a task, a recording, the pipeline
// stands. Of each thing the last word, for the caller who comes back. What an answer says is in the conversation itself.
import type { JsonObject } from '../wire/json.ts';
import type { ServerEvent } from '../wire/server-events.ts';

type Told = ServerEvent | JsonObject;

/** Things that are told of; of more the oldest are left out. */
const thingsMax = 64;

export class MissedNotices {
  readonly #last = new Map<string, Told>();

  note(event: Told): void {
    const thing = thingOf(event);
    if (thing === undefined) return;
    // The last word stands where it was said.
    this.#last.delete(thing);
    this.#last.set(thing, event);
    const [oldest] = this.#last.keys();
    if (this.#last.size > thingsMax && oldest !== undefined) this.#last.delete(oldest);
  }

  /** In the order in which they were said; then there are none. */
  take(): readonly Told[] {
    const all = [...this.#last.values()];
    this.#last.clear();
    return all;
  }
}

/** Undefined: it is told again by who says it, or was for that moment alone. */
function thingOf(event: Told): string | undefined {
  const { type, id, code, event: shown } = event as JsonObject;
  if (code === 'recording' || code === 'recording_failed') return 'recording';
  if (type === 'greenroom.task') return `${type} ${id}`;
  // An event of a recording that is shown is not how its playback stands.
  if (type === 'greenroom.playback' && shown === undefined) return `${type} ${id}`;
  return undefined;
}
