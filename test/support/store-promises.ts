// What every store promises, whatever it keeps its rows in.
import { describe, expect, test } from 'vitest';
import type { Store } from '../../src/store/store.ts';
import { closed, deleted, item, load, session, task, turn } from '../unit/store/rows.ts';

export function storePromises(name: string, open: () => Promise<Store & AsyncDisposable>): void {
  describe(name, () => {
    async function filled(...writes: readonly Parameters<Store['write']>[0][]) {
      const store = await open();
      for (const write of writes) store.write(write);
      expect(await store.flush()).toEqual({ state: 'saved' });
      return store;
    }

    test('keeps a session from its opening to its close, with its run', async () => {
      await using store = await filled(session('a'));
      const opened = {
        ...{
          id: 'a',
          run: 'run',
          pipeline: 'echo',
          generation: 1,
          remote: '127.0.0.1:5000',
          state: 'open',
          openedAtMs: 1000,
        },
        ...{ closedAtMs: null, reason: null, closeCode: null, items: 0, answers: null },
      };
      expect(await store.listSessions()).toEqual([opened]);
      store.write(closed('a'));
      await store.flush();
      const end = { state: 'closed', closedAtMs: 2000, reason: 'client_left', closeCode: 1000 };
      expect(await store.listSessions()).toEqual([{ ...opened, ...end, items: 1, answers: 1 }]);
    });

    test('keeps a close whose opening was lost', async () => {
      await using store = await filled(closed('a'));
      expect(await store.listSessions()).toMatchObject([{ id: 'a', state: 'closed' }]);
    });

    test('lists the newest first, by state, in pages', async () => {
      await using store = await filled(session('a'), closed('b'), session('c'), closed('d'));
      const ids = async (...query: Parameters<Store['listSessions']>) =>
        (await store.listSessions(...query)).map(({ id }) => id).join('');
      expect(await ids()).toBe('dcba');
      expect([await ids({ state: 'open' }), await ids({ state: 'closed' })]).toEqual(['ca', 'db']);
      expect([await ids({ state: 'past' }), await ids({ state: 'unclean' })]).toEqual(['db', '']);
      expect([await ids({ limit: 2 }), await ids({ limit: 2, before: 'c' })]).toEqual(['dc', 'ba']);
      expect([await ids({ before: 'a' }), await ids({ before: 'unheard of' })]).toEqual(['', '']);
    });

    test('keeps items of each session apart, and finishes them where they are', async () => {
      await using store = await filled(
        item('a', '1', { status: 'in_progress', text: '' }),
        item('b', '1', { text: 'of another' }),
        item('a', '1', { status: 'completed', text: 'whole', createdAtMs: 9, updatedAtMs: 1200 }),
      );
      expect(await store.sessionItems('a')).toEqual([
        {
          ...{
            sessionId: 'a',
            id: '1',
            previousId: null,
            type: 'message',
            role: 'user',
            status: 'completed',
          },
          ...{ name: null, callId: null, text: 'whole', heardMs: null, source: null, filler: null },
          ...{ createdAtMs: 1100, updatedAtMs: 1200, deletedAtMs: null },
        },
      ]);
      expect(await store.sessionItems('b')).toMatchObject([{ text: 'of another' }]);
      expect(await store.sessionItems('c')).toEqual([]);
    });

    test('has items in the order of the conversation, the deleted ones marked and in their place', async () => {
      await using store = await filled(
        item('a', '1'),
        item('a', '3', { previousId: '1' }),
        item('a', '2', { previousId: '1' }),
        item('a', '0'),
        deleted('a', '2'),
        item('a', '4', { previousId: '3' }),
        item('a', 'x', { previousId: 'lost' }),
      );
      const items = await store.sessionItems('a');
      expect(items.map(({ id }) => id).join('')).toBe('01234x');
      expect(items.filter(({ deletedAtMs }) => deletedAtMs === 1500).map(({ id }) => id)).toEqual(['2']);
    });

    test('takes an item with the id of a deleted one for another', async () => {
      await using store = await filled(
        item('a', '1', { text: 'first' }),
        deleted('a', '1'),
        item('a', '1', { text: 'second' }),
      );
      expect((await store.sessionItems('a')).map(({ text, deletedAtMs }) => [text, deletedAtMs])).toEqual([
        ['second', null],
        ['first', 1500],
      ]);
    });

    test('knows how much of a truncated item was heard', async () => {
      await using store = await filled(item('a', '1'), {
        type: 'item_truncated',
        row: { sessionId: 'a', id: '1', text: null, heardMs: 320, updatedAtMs: 1300 },
      });
      expect(await store.sessionItems('a')).toMatchObject([{ text: null, heardMs: 320, updatedAtMs: 1300 }]);
      const source = { sessionId: 'a', id: '1', source: '{"think":{}}', filler: 'Hm.' };
      store.write({ type: 'item_source', row: source });
      await store.flush();
      expect(await store.sessionItems('a')).toMatchObject([{ ...source, heardMs: 320 }]);
    });

    test('has the last loads of a model that succeeded, the newest first', async () => {
      await using store = await filled(
        load('1', 1000, 100),
        load('2', 3000, 300),
        load('3', 2000, 200),
        load('4', 4000, null),
        load('5', 5000, 500, 'another'),
      );
      expect(await store.lastLoads('key', 5)).toEqual([300, 200, 100]);
      expect(await store.lastLoads('key', 2)).toEqual([300, 200]);
      expect(await store.lastLoads('unheard of', 5)).toEqual([]);
    });

    test('keeps the background work of each session, from its beginning to its end', async () => {
      await using store = await filled(task('a', '1'), task('b', '2'), task('a', '3', { name: 'summary' }));
      expect(await store.sessionTasks('a')).toMatchObject([{ id: '1' }, { id: '3' }]);
      const end = { state: 'done', endedAtMs: 1900, result: '{"level":"B2"}' };
      store.write(task('b', '2', end));
      await store.flush();
      expect(await store.sessionTasks('b')).toEqual([
        {
          ...{ id: '2', run: 'run', sessionId: 'b', name: 'assessment', trigger: 'tool', startedAtMs: 1200 },
          ...{ ...end, raw: null, code: null, message: null },
        },
      ]);
      expect(await store.sessionTasks('c')).toEqual([]);
    });

    test('keeps how long each stage of an answer took, of each session, and what was not reached as null', async () => {
      const unreached = { firstAudioMs: null, speakMs: null, sentenceMs: null };
      await using store = await filled(
        turn('a', 'resp_1'),
        turn('b', 'resp_2'),
        turn('a', 'resp_3', { state: 'failed', itemId: null, ...unreached }),
      );
      expect(await store.sessionTurns('a')).toEqual([
        {
          ...{ sessionId: 'a', id: 'resp_1', itemId: 'item_1', state: 'done', beganAtMs: 1300 },
          ...{ silenceMs: 500, hearMs: 20, thinkMs: 30, sentenceMs: 5, speakMs: 100 },
          ...{ firstAudioMs: 655, answerMs: 900 },
        },
        expect.objectContaining({ id: 'resp_3', state: 'failed', itemId: null, ...unreached, thinkMs: 30 }),
      ]);
      expect(await store.sessionTurns('c')).toEqual([]);
    });

    test('lists the last thousand answers of a session', async () => {
      await using store = await filled(...Array.from({ length: 1100 }, (_, n) => turn('a', `${n}`)));
      const ids = (await store.sessionTurns('a')).map(({ id }) => id);
      expect([ids.length, ids[0], ids.at(-1)]).toEqual([1000, '100', '1099']);
    });

    test('closes more than once', async () => {
      await using store = await filled(session('a'));
      await Promise.all([store.close(), store.close()]);
    });
  });
}
