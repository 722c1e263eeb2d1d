// How long answers took, as the API has it: of a session that is open, of one that has ended, and of none.
import { expect, test } from 'vitest';
import { startGateway } from '../../src/testing/index.ts';
import { Caller } from '../support/caller.ts';

interface Session {
  readonly id: string;
}

test('the times of an echo call, while it is open and after its end; 404 for a session that nobody knows', async () => {
  await using stage = await startGateway();
  await stage.ready();
  const { url } = stage;
  const caller = await Caller.call(url);
  await caller.lobby('ready');
  const { session } = (await caller.event('session.created')) as unknown as { readonly session: Session };
  const turns = async () => {
    const response = await fetch(`${url}/api/sessions/${session.id}/turns`);
    return {
      status: response.status,
      ...((await response.json()) as { data: readonly Record<string, unknown>[] }),
    };
  };
  expect(await turns()).toEqual({ status: 200, object: 'list', data: [] });
  caller.say('Hello there.');
  const { response } = (await caller.event('response.done')) as unknown as { readonly response: Session };
  await expect.poll(turns).toMatchObject({
    data: [{ id: response.id, object: 'turn', session: session.id, state: 'done', silenceMs: null }],
  });
  const [first] = (await turns()).data;
  expect(first?.['answerMs']).toBeGreaterThan(0);
  caller.socket.close();
  await caller.ended();
  expect((await turns()).data).toEqual([first]);
  const unknown = await fetch(`${url}/api/sessions/sess_0/turns`);
  expect(unknown.status).toBe(404);
  expect(await unknown.json()).toMatchObject({ error: { code: 'not_found' } });
});

test('where nothing is kept, that is what is said', async () => {
  await using stage = await startGateway({ config: { store: 'none' } });
  const response = await fetch(`${stage.url}/api/sessions/sess_1/turns`);
  expect(response.status).toBe(404);
  expect(await response.json()).toMatchObject({ error: { message: expect.stringContaining('store: none') } });
});
