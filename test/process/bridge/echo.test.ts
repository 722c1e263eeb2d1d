// A bridge to the nicest upstream there is: another greenroom with its test call.
import { expect, test } from 'vitest';
import { startGateway } from '../../../src/testing/index.ts';
import { Caller } from '../../support/caller.ts';

test('a line goes up before upstream is there, and comes back spoken', async () => {
  await using upstream = await startGateway();
  const bridge = { kind: 'bridge', url: `${upstream.url}/v1/realtime?model=default`, instructions: 'Echo.' };
  await using gateway = await startGateway({ config: { engines: {}, pipelines: { default: bridge } } });
  await using caller = await Caller.call(gateway.url);
  caller.say('Hello there');
  await caller.event('response.done');
  expect(caller.samples).toBeGreaterThan(10_000);
  expect(caller.all('session.created')).toHaveLength(1);
  // The line was answered in the lobby, and not again by upstream.
  expect(caller.all('conversation.item.added')).toHaveLength(2);
  const [session] = gateway.gateway.sessions();
  expect(session).toMatchObject({ state: 'ready', items: 2, response: null });
  const updated = caller.all('session.updated').at(-1) as unknown as {
    readonly session: { readonly id: string; readonly instructions: string };
  };
  expect(updated.session).toMatchObject({ id: session?.id, instructions: 'Echo.' });
});
