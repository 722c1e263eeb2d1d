// Each rule of upstream's that clients trip over, on real sockets: the caller gets its answer, upstream never sees the
// breach. Upstream enforces the rules, and counts.
import { afterEach, expect, test } from 'vitest';
import { type JsonObject, objectAt } from '../../../src/wire/json.ts';
import { type BridgedCall, bridgedCall } from '../../support/upstream/bridged-call.ts';

let call: BridgedCall | undefined;

afterEach(() => {
  const violations = call?.upstream.violations;
  call = undefined;
  expect(violations).toEqual([]);
});

async function answered(told = true): Promise<BridgedCall> {
  call = await bridgedCall({ responds: told ? 'told' : 'at once' });
  await call.caller.lobby('ready');
  return call;
}

const errorOf = async ({ caller }: BridgedCall, eventId: string) => {
  const event = await caller.event('error', (each) => objectAt(each, 'error')?.['event_id'] === eventId);
  return objectAt(event, 'error') as { readonly code: string; readonly message: string };
};

const create = (eventId: string): JsonObject => ({ type: 'response.create', event_id: eventId });

test('a cancel without a response is answered by the gateway, in words that every SDK knows', async () => {
  await using here = await answered();
  here.caller.send({ type: 'response.cancel', event_id: 'c1' });
  const error = await errorOf(here, 'c1');
  expect(error.code).toBe('response_cancel_not_active');
  expect(error.message).toMatch(/^Cancellation failed/);
  expect(here.connection.received('response.cancel')).toEqual([]);
});

test('a cancel is forwarded by the id of the response, once', async () => {
  await using here = await answered();
  here.caller.send(create('r1'));
  const created = await here.caller.event('response.created');
  here.caller.send({ type: 'response.cancel', event_id: 'c1' });
  here.caller.send({ type: 'response.cancel', event_id: 'c2' });
  const done = await here.caller.event('response.done');
  expect(objectAt(done, 'response')).toMatchObject({ status: 'cancelled' });
  expect(await errorOf(here, 'c2')).toMatchObject({ code: 'response_cancel_not_active' });
  const [cancel] = here.connection.received('response.cancel');
  expect(cancel?.['response_id']).toBe(objectAt(created, 'response')?.['id']);
  expect(here.connection.received('response.cancel')).toHaveLength(1);
});

test('a cancel that meets the end of the response is answered by that end: the late error is absorbed', async () => {
  await using here = await answered();
  here.caller.send(create('r1'));
  await here.caller.event('response.created');
  here.connection.sending = 'held';
  here.connection.step(5);
  here.caller.send({ type: 'response.cancel', event_id: 'c1' });
  await here.connection.get('response.cancel');
  here.connection.sending = 'on';
  here.connection.flush();
  await here.caller.event('response.done');
  // Whatever came before this answer has been heard.
  here.caller.send({ type: 'session.update', session: { type: 'realtime', instructions: 'x' } });
  await here.caller.event('session.updated', (each) => objectAt(each, 'session')?.['instructions'] === 'x');
  expect(here.caller.all('error')).toEqual([]);
  expect(here.connection.model.races).toEqual(['a cancel of what has ended']);
});

test('a cancel after the end is answered by the gateway', async () => {
  await using here = await answered(false);
  here.caller.send(create('r1'));
  await here.caller.event('response.done');
  here.caller.send({ type: 'response.cancel', event_id: 'c1' });
  expect(await errorOf(here, 'c1')).toMatchObject({ code: 'response_cancel_not_active' });
  expect(here.connection.received('response.cancel')).toEqual([]);
});

test('a second create is answered by the gateway', async () => {
  await using here = await answered();
  here.caller.send(create('r1'));
  here.caller.send(create('r2'));
  const error = await errorOf(here, 'r2');
  expect(error.code).toBe('conversation_already_has_active_response');
  await here.connection.get('response.create');
  expect(here.connection.received('response.create')).toHaveLength(1);
});

test('a create that meets the response of voice activity gets its error, with the id that its sender knows', async () => {
  await using here = await answered();
  here.caller.send({ type: 'input_audio_buffer.append', audio: 'AAAA' });
  await here.connection.get('input_audio_buffer.append');
  here.connection.sending = 'held';
  here.connection.model.speak();
  here.caller.send(create('r1'));
  await here.connection.get('response.create');
  here.connection.sending = 'on';
  here.connection.flush();
  await here.caller.event('response.created');
  expect(await errorOf(here, 'r1')).toMatchObject({ code: 'conversation_already_has_active_response' });
  here.connection.step(5);
  await here.caller.event('response.done');
  // Nothing is left over: the next one is heard.
  here.caller.send(create('r2'));
  await here.connection.get('response.create', 2);
  expect(here.connection.model.races).toEqual(['two responses at once']);
});

test('a voice after audio stays here: its manner is asked for, and the caller is told which voice is in effect', async () => {
  await using here = await answered(false);
  here.caller.send(create('r1'));
  await here.caller.event('response.done');
  const session = { type: 'realtime', instructions: 'Be brief.', audio: { output: { voice: 'alloy' } } };
  here.caller.send({ type: 'session.update', event_id: 'u1', session });
  const updated = await here.caller.event('session.updated', (each) => {
    return objectAt(each, 'session')?.['instructions'] === 'Be brief.';
  });
  expect(objectAt(updated, 'session', 'audio', 'output')).toMatchObject({ voice: 'marin' });
  const sent = objectAt(here.connection.received('session.update').at(-1), 'session');
  expect(sent?.['audio']).toBeUndefined();
  expect(sent?.['instructions']).toBe('Be brief.\n\nSpeak in the manner of the voice "alloy".');
});

test('a voice during a response waits for its end, and is sent where there was no audio', async () => {
  await using here = await answered();
  here.connection.model.kind = 'text';
  here.caller.send(create('r1'));
  await here.caller.event('response.created');
  here.caller.send({ type: 'session.update', session: { audio: { output: { voice: 'alloy' } } } });
  await here.connection.get('session.update');
  expect(objectAt(here.connection.received('session.update')[0], 'session')?.['audio']).toBeUndefined();
  here.connection.step(5);
  const updated = await here.caller.event(
    'session.updated',
    (each) => objectAt(each, 'session', 'audio', 'output')?.['voice'] === 'alloy',
  );
  expect(objectAt(updated, 'session')?.['instructions']).toBe('Be nice.');
});

test('a truncation beyond what was received is clamped to it; one of nothing is answered here', async () => {
  await using here = await answered();
  here.caller.send(create('r1'));
  await here.connection.get('response.create');
  here.connection.step(1);
  const added = await here.caller.event('response.output_item.added');
  const itemId = objectAt(added, 'item')?.['id'];
  const truncate = (eventId: string, endMs: number) =>
    here.caller.send({
      ...{ type: 'conversation.item.truncate', event_id: eventId, item_id: itemId },
      ...{ content_index: 0, audio_end_ms: endMs },
    });
  truncate('t1', 500);
  const atNothing = await here.caller.event('conversation.item.truncated');
  expect(atNothing['audio_end_ms']).toBe(0);
  expect(here.connection.received('conversation.item.truncate')).toEqual([]);
  here.connection.step(2);
  await here.caller.event(
    'response.output_audio.delta',
    () => here.caller.all('response.output_audio.delta').length === 2,
  );
  truncate('t2', 285);
  const clamped = await here.connection.get('conversation.item.truncate');
  expect(clamped).toMatchObject({ audio_end_ms: 200, event_id: 't2' });
  truncate('t3', 0);
  expect(await here.connection.get('conversation.item.truncate', 2)).toMatchObject({ audio_end_ms: 0 });
});

test('an item that nobody knows is answered here, as upstream would', async () => {
  await using here = await answered();
  for (const verb of ['retrieve', 'delete', 'truncate'])
    here.caller.send({
      ...{ type: `conversation.item.${verb}`, event_id: verb, item_id: 'item_nobody' },
      ...(verb === 'truncate' && { content_index: 0, audio_end_ms: 10 }),
    });
  for (const verb of ['retrieve', 'delete', 'truncate'])
    expect(await errorOf(here, verb)).toMatchObject({ code: `item_${verb}_invalid_item_id` });
});

test('an empty commit is answered here', async () => {
  await using here = await answered();
  here.caller.send({ type: 'input_audio_buffer.commit', event_id: 'm1' });
  expect(await errorOf(here, 'm1')).toMatchObject({ code: 'input_audio_buffer_commit_empty' });
});

test('what nobody here knows passes as it came, both ways', async () => {
  await using here = await answered();
  const big = '{"type":"some.new_event","n":9007199254740993,"x":{"y":[1, 2]}}';
  here.caller.socket.send(big);
  await here.connection.get('some.new_event');
  here.connection.model.say({ type: 'some.new_answer', deep: { er: [true] } });
  here.connection.flush();
  const event = await here.caller.event('some.new_answer');
  expect(event['deep']).toEqual({ er: [true] });
});
