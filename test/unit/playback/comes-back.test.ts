// A caller that is lost during a playback into its session, and comes back.
import { expect, test } from 'vitest';
import { testFolder } from '../../support/folder.ts';
import { MemoryTransport } from '../../support/memory-transport.ts';
import { append, PlaybackWorld } from '../../support/playback-world.ts';

test('a caller that comes back while it plays is told how it stands, and that what it says is dropped, once more', async () => {
  await using folder = await testFolder();
  const world = new PlaybackWorld(folder);
  const { transport, session } = await world.call();
  transport.says({ type: 'session.update', session: { type: 'realtime', resumption: { enabled: true } } });
  const created = transport.all('conversation.created')[0]?.['conversation'];
  const { id: conversationId } = Object(created) as { id: string };
  const { id } = await world.start(await world.take(), { speed: 1, sessionId: session });
  await world.sessions.clock.advance(500);
  transport.says(append(480));
  await world.sessions.clock.advance(1);
  expect(transport.all('error')).toHaveLength(1);
  transport.gone(1006);
  const next = new MemoryTransport();
  const { pipeline } = world;
  await world.sessions.registry.open({ transport: next, pipeline, notices: true, conversationId });
  expect(next.all('greenroom.playback')).toMatchObject([{ id, state: 'playing', duration_ms: 3000 }]);
  for (let piece = 0; piece < 50; piece += 1) next.says(append(480));
  expect(await world.ended(id)).toBe('finished');
  expect(next.all('error')).toMatchObject([{ error: { code: 'playback_active' } }]);
  expect(transport.all('error')).toHaveLength(1);
  next.gone(1000);
  await world.expectNothingLeft();
});
