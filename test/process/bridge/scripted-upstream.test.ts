// `scriptedUpstream` by itself, spoken to by a client that keeps to no rule.
import { once } from 'node:events';
import { expect, test } from 'vitest';
import WebSocket from 'ws';
import { type ScriptedUpstreamOptions, scriptedUpstream } from '../../../src/testing/index.ts';

async function dialled(options: ScriptedUpstreamOptions = {}) {
  const upstream = await scriptedUpstream(options);
  const socket = new WebSocket(upstream.url, { headers: { authorization: 'Bearer sk-1' } });
  const codes: unknown[] = [];
  const types: unknown[] = [];
  socket.on('message', (data) => {
    const event = JSON.parse(String(data)) as { type: string; error?: { code: string } };
    types.push(event.type);
    if (event.error) codes.push(event.error.code);
  });
  await once(socket, 'open');
  const connection = await upstream.connection();
  const send = (event: object) => socket.send(JSON.stringify(event));
  return { upstream, connection, socket, send, codes, types };
}

test('counts what could have been known, refuses it in words of the protocol, and goes on', async () => {
  const { upstream, connection, socket, send, codes } = await dialled({ responds: 'told' });
  await using _ = upstream;
  expect(connection.headers.authorization).toBe('Bearer sk-1');
  send({ type: 'response.cancel' });
  send({ type: 'response.create' });
  send({ type: 'response.create' });
  send({ type: 'input_audio_buffer.commit' });
  socket.send('no event');
  send({ type: 'conversation.item.delete', item_id: 'nobody' });
  await connection.get('conversation.item.delete');
  expect(upstream.violations).toEqual([
    'a cancel without an id',
    'a cancel of undefined, which is not active',
    'two responses at once',
    'commit of an empty buffer',
    expect.stringMatching(/^what came is no event: SyntaxError/),
    'delete of nobody, which is unknown',
  ]);
  connection.step(5);
  connection.say({ type: 'response.unheard_of' });
  connection.socket.close(1001, 'bye');
  const [code, reason] = (await once(socket, 'close')) as [number, Buffer];
  expect([code, String(reason)]).toEqual([1001, 'bye']);
  expect(codes).toEqual([
    'response_cancel_not_active',
    'conversation_already_has_active_response',
    'input_audio_buffer_commit_empty',
    'item_delete_invalid_item_id',
  ]);
  expect(await connection.ended()).toMatchObject({ code: 1001 });
});

test('answers as it is told: text, a call, only voices that there are', async () => {
  const { upstream, connection, socket, send, types, codes } = await dialled({
    ...{ answers: 'text', voices: ['marin'] },
  });
  await using _ = upstream;
  send({ type: 'response.create', response: { audio: { output: { voice: 'nobody' } } } });
  send({ type: 'response.create' });
  await connection.get('response.create', 2);
  connection.answers = 'call';
  send({ type: 'response.create', response: { tools: [{ type: 'function', name: 'look' }] } });
  await connection.get('response.create', 3);
  connection.socket.close();
  await once(socket, 'close');
  expect(codes).toEqual(['invalid_value']);
  expect(types.filter((type) => type === 'response.output_text.delta')).toHaveLength(3);
  expect(types).toContain('response.function_call_arguments.delta');
  expect(types.filter((type) => type === 'response.done')).toHaveLength(2);
});

test('refuses the upgrade, over and over', async () => {
  await using upstream = await scriptedUpstream({ refuses: { status: 401, body: '{}' } });
  for (let time = 0; time < 2; time += 1) {
    const [error] = (await once(new WebSocket(upstream.url), 'error')) as [Error];
    expect(error.message).toContain('401');
  }
  expect(upstream.connections).toEqual([]);
});

test.each([
  [{ opens: 'slowly' }, 'opens: expected one of at once, never, mute, got "slowly"'],
  [{ refuses: { status: 200, body: '' } }, /^refuses: expected \{ status: 400 to 599/],
  [{ answer: 'text' }, 'answer: unknown; there are tls, refuses, opens, responds, answers, voices'],
  [{ voices: 'marin' }, 'voices: expected a list of strings, got "marin"'],
  [{ tls: { cert: 'PEM' } }, 'tls: expected { cert, key }, each as PEM, got object'],
])('what it cannot be is told: %j', async (options, message) => {
  await expect(scriptedUpstream(options as never)).rejects.toThrow(message);
});

test('what it cannot do is told, too', async () => {
  const { upstream, connection } = await dialled();
  await using _ = upstream;
  expect(() => connection.step(0)).toThrow('stages: expected a whole number above 0, got 0');
  expect(() => connection.say({} as never)).toThrow('event: expected an object with a type');
  expect(() => {
    connection.answers = 'song' as never;
  }).toThrow('answers: expected one of speech, text, call, got "song"');
});
