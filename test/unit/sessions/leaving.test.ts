// What a caller is told of an answer that the gateway's leaving cuts short.
import { expect, test } from 'vitest';
import { systemClock, turn } from '../../../src/lifecycle/clock.ts';
import { Deadline } from '../../../src/lifecycle/deadline.ts';
import type { PipelineSession } from '../../../src/pipelines/pipeline.ts';
import type { OutputChunk } from '../../../src/realtime/chunks.ts';
import { FakePipeline } from '../../support/fake-pipeline.ts';
import { MemoryTransport } from '../../support/memory-transport.ts';
import { SessionWorld } from '../../support/session-world.ts';

const settle = () => turn(systemClock);

/** Says half a sentence, and ends as soon as it is told to, as engines do: without an error. */
async function* halfAnAnswer(signal: AbortSignal): AsyncGenerator<OutputChunk> {
  yield { type: 'text', text: 'half an' };
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}

class Obedient extends FakePipeline {
  override async open(): Promise<PipelineSession> {
    return { ...(await super.open()), respond: (_, signal) => halfAnAnswer(signal) };
  }
}

test('an answer that ends because the gateway leaves is not told as completed', async () => {
  const pipeline = new Obedient(undefined, 'ready');
  const world = new SessionWorld();
  const transport = new MemoryTransport();
  await world.registry.open({ transport, pipeline, notices: true });
  transport.says({ type: 'response.create' });
  await settle();
  expect(transport.sent.at(-1)).toMatchObject({ delta: 'half an' });

  await world.registry.closeAll('server_shutdown', new Deadline(world.clock, 1000));
  const ends = transport.all('response.done') as unknown as { response: { status: string } }[];
  expect(ends.map(({ response }) => response.status)).not.toContain('completed');
  expect(transport.closes).toBe(1);
  await world.clock.advance(200_000);
  world.expectNothingLeft(pipeline);
});
