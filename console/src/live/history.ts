// Where to begin, so that a page shows something at once: ids have no holes, so a place some events before the newest can
// be reckoned.
import { events } from '../../../src/client/index.ts';

/** The id to go on from; what the gateway has no more of is a gap. Rejects with the refusal. */
export async function historyStart(topics: readonly string[], back: number): Promise<string | undefined> {
  const stream = events(location.origin, { reconnect: false, ...(topics.length > 0 && { topics }) });
  try {
    const welcome = Promise.withResolvers<string | undefined>();
    stream.on('welcome', ({ head }) => welcome.resolve(head));
    void stream.closed.then(() => welcome.resolve(undefined));
    await stream.opened;
    const head = await welcome.promise;
    return head === undefined ? undefined : placeBefore(head, back);
  } finally {
    await stream.close();
  }
}

/** Undefined when it is no id. */
export function placeBefore(head: string, back: number): string | undefined {
  const [, epoch, digits] = /^([A-Za-z0-9]+)\.(\d+)$/.exec(head) ?? [];
  return epoch === undefined ? undefined : `${epoch}.${Math.max(0, Number(digits) - back)}`;
}
