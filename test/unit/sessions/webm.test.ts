// A session whose caller sends WebM: everything in its order, however long the decoding takes; and nothing left after it.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Decoders } from '../../../src/audio/decoding/decoders.ts';
import { shippedFile } from '../../../src/engines/locate.ts';
import { FakePipeline } from '../../support/fake-pipeline.ts';
import { MemoryTransport } from '../../support/memory-transport.ts';
import { until } from '../../support/poll.ts';
import { SessionWorld } from '../../support/session-world.ts';
import { tonePath } from '../audio/webm/streams.ts';

const tone = readFileSync(tonePath);

async function call() {
  const decoders = new Decoders({ file: shippedFile('decoding') });
  const world = new SessionWorld({ decoders });
  const pipeline = new FakePipeline(undefined, 'ready');
  const transport = new MemoryTransport();
  await world.registry.open({ transport, pipeline, notices: false });
  const send = (event: object) => transport.says(event);
  const update = (input: object) =>
    send({ type: 'session.update', session: { type: 'realtime', audio: { input } } });
  update({ format: { type: 'audio/webm' }, turn_detection: null });
  return {
    ...{ decoders, world, pipeline, transport, send, update },
    append: (bytes: Uint8Array) =>
      send({ type: 'input_audio_buffer.append', audio: Buffer.from(bytes).toString('base64') }),
    sent: (type: string) => transport.sent.filter((event) => event.type === type),
    comes: (type: string, count = 1) =>
      until(() => transport.sent.filter((event) => event.type === type).length >= count, {
        timeoutMs: 20_000,
        what: `${count} ${type}`,
      }),
    async [Symbol.asyncDispose]() {
      await world.root.close('done');
      await decoders.close();
    },
  };
}

test('what is shown is what is in force; a commit has all that was appended before it, and nothing after', async () => {
  await using made = await call();
  expect(made.sent('session.updated')[0]).toMatchObject({
    session: { audio: { input: { format: { type: 'audio/webm' } } } },
  });
  made.append(tone.subarray(0, 4000));
  made.append(tone.subarray(4000));
  made.send({ type: 'input_audio_buffer.commit' });
  made.append(tone);
  made.send({ type: 'input_audio_buffer.clear' });
  made.send({ type: 'input_audio_buffer.commit', event_id: 'nothing left' });
  // Nothing of it is handled before what stands before it.
  expect(made.sent('input_audio_buffer.committed')).toEqual([]);
  await made.comes('error');
  const types = made.transport.sent
    .map(({ type }) => type)
    .filter((type) => /input_audio_buffer|error/.test(type));
  expect(types).toEqual(['input_audio_buffer.committed', 'input_audio_buffer.cleared', 'error']);
  expect(made.sent('error')[0]).toMatchObject({
    error: {
      code: 'input_audio_buffer_commit_empty',
      event_id: 'nothing left',
      message: expect.stringContaining('0ms'),
    },
  });
  const [committed] = made.sent('input_audio_buffer.committed');
  made.send({ type: 'conversation.item.retrieve', item_id: committed?.['item_id'] });
  await made.comes('conversation.item.retrieved');
  const { item } = made.sent('conversation.item.retrieved')[0] as unknown as {
    item: { content: { audio: string }[] };
  };
  expect(Buffer.byteLength(item.content[0]?.audio ?? '', 'base64')).toBe(70_560 * 2);
});

test('another format ends the stream: the next one begins anew', async () => {
  await using made = await call();
  made.append(tone.subarray(0, 3000));
  made.update({ format: { type: 'audio/pcm' } });
  made.update({ format: { type: 'audio/webm' } });
  made.append(tone.subarray(3000));
  await made.comes('error');
  expect(made.sent('error')).toMatchObject([
    {
      error: {
        code: 'invalid_audio',
        message: expect.stringContaining('at byte 0: a WebM begins with 1A45DFA3'),
      },
    },
  ]);
  made.append(tone);
  made.send({ type: 'input_audio_buffer.clear' });
  await made.comes('input_audio_buffer.cleared');
  expect(made.sent('error').length).toBe(1);
  expect(made.decoders.count).toBe(1);
});

test('base64 that is none is refused; a caller that leaves while it is decoded leaves nothing', async () => {
  await using made = await call();
  made.send({ type: 'input_audio_buffer.append', audio: '*not base64*', event_id: 'odd' });
  expect(made.sent('error')).toMatchObject([
    { error: { code: 'invalid_value', param: 'audio', event_id: 'odd' } },
  ]);
  for (let count = 0; count < 20; count += 1) made.append(tone);
  expect(made.decoders.count).toBe(1);
  made.transport.gone();
  await until(() => made.world.registry.count === 0, { timeoutMs: 5000, what: 'the end' });
  expect(made.decoders.count).toBe(0);
  made.world.expectNothingLeft(made.pipeline);
});

test('the thread dies: the caller is told, and its next stream is heard by another one', async () => {
  const gone = new Decoders({ file: '/nowhere/decoding.js' });
  const there = new Decoders({ file: shippedFile('decoding') });
  const world = new SessionWorld({
    decoders: {
      open: (...given) => (opened++ === 0 ? gone : there).open(...given),
    },
  });
  let opened = 0;
  const transport = new MemoryTransport();
  await world.registry.open({ transport, pipeline: new FakePipeline(undefined, 'ready'), notices: false });
  const format = { type: 'audio/webm' };
  const send = (event: object) => transport.says(event);
  send({
    type: 'session.update',
    session: { type: 'realtime', audio: { input: { format, turn_detection: null } } },
  });
  const append = { type: 'input_audio_buffer.append', audio: tone.toString('base64') };
  send(append);
  send(append);
  send({ type: 'input_audio_buffer.commit' });
  const committed = () => transport.sent.some(({ type }) => type === 'input_audio_buffer.committed');
  await until(committed, { timeoutMs: 20_000, what: 'the commit' });
  expect(transport.sent.filter(({ type }) => type === 'error')).toMatchObject([
    {
      error: {
        type: 'server_error',
        code: 'internal_error',
        message: expect.stringContaining('begin a new stream'),
      },
    },
  ]);
  await world.root.close('done');
  await Promise.all([gone.close(), there.close()]);
});
