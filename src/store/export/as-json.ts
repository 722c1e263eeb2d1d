// As data: the names are those of the API. Pure.
import type { ItemRow, RecordingRow, TaskRow } from '../store.ts';
import type { KeptSession } from './exported.ts';

export function* jsonParts({ session, recordings, tasks, items }: KeptSession): Generator<string> {
  const { run: _, seq: __, matches: ___, ...facts } = session;
  yield `{"format":"greenroom-session","version":1,\n"session":${JSON.stringify(facts)}`;
  yield* list('recordings', recordings, shownRecording);
  yield* list('tasks', tasks, shownTask);
  yield* list('items', items, shownItem);
  yield '}\n';
}

/** As the API has it. */
export function shownItem({ sessionId: _, source, ...item }: ItemRow) {
  return { ...item, source: parsed(source) };
}

/** As the API has it. */
export function shownRecording({ sessionId: session, shelf: _, ...recording }: RecordingRow) {
  return { ...recording, session };
}

/** As the API has it. */
export function shownTask({ run: _, sessionId: session, result, code, message, ...task }: TaskRow) {
  const error = code === null ? null : { code, message: message ?? '' };
  return { ...task, session, progress: null, result: parsed(result), error };
}

function* list<Row>(name: string, rows: readonly Row[], shown: (row: Row) => unknown): Generator<string> {
  yield `,\n"${name}":[`;
  for (const [index, row] of rows.entries())
    yield `${index === 0 ? '\n' : ',\n'}${JSON.stringify(shown(row))}`;
  yield ']';
}

/** Written by us; what somebody else has put there is shown as the text that it is. */
function parsed(json: string | null): unknown {
  if (json === null) return null;
  try {
    return JSON.parse(json);
  } catch {
    return json;
  }
}
