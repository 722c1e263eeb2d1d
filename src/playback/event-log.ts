// The events of a recording, line by line, as they were written: read in pieces, so that hours of them hold neither
// memory nor the loop. Whoever opens it closes it; then whoever reads finds its end.
import type { FileHandle } from 'node:fs/promises';
import { messageOf } from '../lifecycle/errors.ts';
import type { TakeFacts } from '../recordings/facts.ts';
import { fileNames } from '../recordings/names.ts';
import { openTakeFile } from '../recordings/take-file.ts';
import { isObject, type JsonObject } from '../wire/json.ts';
import { unplayable } from './caller-track.ts';

export interface LoggedEvent {
  /** Since the start of the take. */
  readonly ms: number;
  readonly from: 'caller' | 'gateway';
  readonly event: JsonObject;
}

export interface EventLog {
  /** Read once. What is no event (a line that was cut, somebody else's) is passed over. */
  readonly events: AsyncIterable<LoggedEvent>;
  close(): Promise<void>;
}

const pieceBytes = 64 * 1024;
/** An event is 15 MiB at the most, and its audio is not in it. */
const lineBytesMax = 16 * 1024 * 1024;

/** Throws `recording_unplayable` when it is not there. */
export async function openEventLog(root: string, take: TakeFacts): Promise<EventLog> {
  const handle = await openTakeFile(root, take, fileNames.events).catch((cause: unknown) => {
    throw unplayable(take, `${fileNames.events} is missing, or is no file of ours`, cause);
  });
  let state: 'open' | 'closed' = 'open';
  async function* events(): AsyncGenerator<LoggedEvent> {
    try {
      for await (const line of lines(handle)) {
        const logged = read(line);
        if (logged) yield logged;
        if (state !== 'open') return;
      }
    } catch (thrown) {
      if (state === 'open') throw unplayable(take, `its events cannot be read: ${messageOf(thrown)}`, thrown);
    }
  }
  return {
    events: events(),
    async close() {
      if (state === 'closed') return;
      state = 'closed';
      await handle.close();
    },
  };
}

async function* lines(handle: FileHandle): AsyncGenerator<string> {
  let rest = Buffer.alloc(0);
  for (let at = 0; ; ) {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(pieceBytes), 0, pieceBytes, at);
    if (bytesRead === 0) break;
    at += bytesRead;
    rest = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
      yield rest.toString('utf8', 0, end);
      rest = rest.subarray(end + 1);
    }
    if (rest.length > lineBytesMax) throw new Error(`a line is over ${lineBytesMax} bytes`);
  }
}

function read(line: string): LoggedEvent | undefined {
  try {
    const { ms, from, event } = Object(JSON.parse(line)) as Partial<LoggedEvent>;
    const known = typeof ms === 'number' && (from === 'caller' || from === 'gateway');
    return known && isObject(event) ? { ms, from, event } : undefined;
  } catch {
    // Cut by the end of its gateway.
    return undefined;
  }
}
