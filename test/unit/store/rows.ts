// Rows as a gateway writes them, for the tests of the store.
import type { Write } from '../../../src/store/store.ts';

export function session(id: string, row: Partial<Extract<Write, { type: 'session' }>['row']> = {}): Write {
  return {
    type: 'session',
    row: {
      ...{
        id,
        pipeline: 'echo',
        generation: 1,
        remote: '127.0.0.1:5000',
        state: 'open',
        openedAtMs: 1000,
        closedAtMs: null,
      },
      ...{ reason: null, closeCode: null, items: 0, answers: null },
      ...row,
    },
  };
}

export function closed(id: string): Write {
  return session(id, {
    ...{ state: 'closed', closedAtMs: 2000, reason: 'client_left', closeCode: 1000, items: 1, answers: 1 },
  });
}

export function item(
  sessionId: string,
  id: string,
  row: Partial<Extract<Write, { type: 'item' }>['row']> = {},
): Write {
  return {
    type: 'item',
    row: {
      ...{ sessionId, id, previousId: null, type: 'message', role: 'user', status: 'completed' },
      ...{ name: null, callId: null, text: `text of ${id}`, createdAtMs: 1100, updatedAtMs: 1100 },
      ...row,
    },
  };
}

export function deleted(sessionId: string, id: string): Write {
  return { type: 'item_deleted', row: { sessionId, id, deletedAtMs: 1500 } };
}

export function load(id: string, readyAtMs: number, loadMs: number | null, modelKey = 'key'): Write {
  return {
    type: 'engine_run',
    row: {
      ...{ id, engine: 'voice', kind: 'worker', modelKey, spawnedAtMs: readyAtMs - (loadMs ?? 0) },
      ...{ readyAtMs: loadMs === null ? null : readyAtMs, endedAtMs: null, loadMs, outcome: null },
    },
  };
}

export function turn(
  sessionId: string,
  id: string,
  row: Partial<Extract<Write, { type: 'turn' }>['row']> = {},
): Write {
  return {
    type: 'turn',
    row: {
      ...{ sessionId, id, itemId: 'item_1', state: 'done', beganAtMs: 1300, silenceMs: 500, hearMs: 20 },
      ...{ thinkMs: 30, sentenceMs: 5, speakMs: 100, firstAudioMs: 655, answerMs: 900 },
      ...row,
    },
  };
}

export function task(
  sessionId: string,
  id: string,
  row: Partial<Extract<Write, { type: 'task' }>['row']> = {},
): Write {
  return {
    type: 'task',
    row: {
      ...{ id, sessionId, name: 'assessment', trigger: 'tool', state: 'started', startedAtMs: 1200 },
      ...{ endedAtMs: null, result: null, raw: null, code: null, message: null },
      ...row,
    },
  };
}
