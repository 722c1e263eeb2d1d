// Work beside a bridged call: what the gateway has to say, tools that the caller never sees, and what is kept of the call.
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { systemClock } from '../../../src/lifecycle/clock.ts';
import { Scope } from '../../../src/lifecycle/scope.ts';
import { BridgePipeline } from '../../../src/pipelines/bridge.ts';
import { BridgedSession } from '../../../src/sessions/bridged-session.ts';
import { CallersPlace } from '../../../src/sessions/callers-place.ts';
import { AudioBudget } from '../../../src/sessions/input-audio.ts';
import { noRecords } from '../../../src/sessions/records.ts';
import { Seat } from '../../../src/sessions/seat.ts';
import { TaskDesk } from '../../../src/tasks/task-desk.ts';
import { Histograms } from '../../../src/telemetry/histograms.ts';
import { silentLog } from '../../../src/telemetry/log.ts';
import { randomId } from '../../../src/wire/ids.ts';
import { MemoryTransport } from '../../support/memory-transport.ts';
import { until } from '../../support/poll.ts';
import { bridgedCall } from '../../support/upstream/bridged-call.ts';
import { ScriptedUpstream } from '../../support/upstream/scripted.ts';

async function hosted() {
  const stack = new AsyncDisposableStack();
  const upstream = stack.use(await ScriptedUpstream.start({ responds: 'told' }));
  const scope = stack.use(new Scope('session', { clock: systemClock }));
  const transport = new MemoryTransport();
  const faults: unknown[] = [];
  const desk = new TaskDesk({ log: silentLog, store: undefined });
  const call = { session: 'sess_1', newId: randomId };
  const limits = {
    ...{ lobbyWaitMs: 60_000, keepaliveMs: 15_000, queueBytesMax: 8 * 1024 * 1024, resumeMs: 30_000 },
    earlyAudio: { ageMs: 30_000, bytesMax: 4 * 1024 * 1024 },
  };
  const ends = { onEnd: () => undefined, onChange: () => undefined, onTerminated: () => undefined };
  const place: CallersPlace = new CallersPlace(scope, () => seat);
  const seat = new Seat(
    {
      ...{ id: 'sess_1', scope, limits, tape: undefined, place, newId: randomId, random: () => 0.5 },
      ...{ ...ends, why: () => undefined },
    },
    { transport, notices: false },
  );
  const session = new BridgedSession({
    ...{ id: 'sess_1', scope, seat, limits, preset: null, newId: randomId, random: () => 0.5 },
    pipeline: new BridgePipeline({
      ...{ name: 'up', needs: [], voice: undefined, instructions: undefined },
      upstream: { url: upstream.url, headers: {}, secrets: [], openTimeoutMs: 5000 },
    }),
    ...{
      earlyAudio: new AudioBudget(64 * 1024 * 1024),
      record: noRecords({ id: '', pipeline: '', generation: 1, remote: '' }),
      lobbyWaits: new Histograms(),
    },
    openTasks: (host) => desk.open({ ...call, scope, owner: scope, pipeline: 'up', plans: [], host }),
    ...{ place, onEnd: () => undefined, onFault: (...fault) => void faults.push(fault) },
  });
  session.begin();
  const connection = await upstream.connection();
  const said = (type: string, count = 1) =>
    until(() => transport.all(type)[count - 1], { timeoutMs: 5000, what: `${type} (${count})` });
  const says = (event: object) => session.handle(JSON.stringify(event));
  return { stack, upstream, connection, transport, session, said, says, faults };
}

test('what the gateway has to say waits for the response that runs, and cancels nothing', async () => {
  const { stack, upstream, connection, session, said, says } = await hosted();
  await using _ = stack;
  says({ type: 'response.create' });
  await said('response.created');
  const spoken = session.host.speak({ instructions: 'Say the result.', voice: 'alloy' });
  connection.step(4);
  await said('response.output_audio.delta', 3);
  expect(connection.received('response.create')).toHaveLength(1);
  connection.step();
  const create = await connection.get('response.create', 2);
  // There is audio by now: no voice, but its manner.
  expect(create['response']).toMatchObject({
    instructions: 'Say the result.\n\nSpeak in the manner of the voice "alloy".',
  });
  connection.step(5);
  expect(await spoken).toEqual({ state: 'spoken' });
  expect(connection.received('response.cancel')).toEqual([]);
  expect(upstream.violations).toEqual([]);
});

test('a tool of the gateway is called behind the back of the caller, and answered', async () => {
  const { stack, upstream, connection, transport, session, said, says } = await hosted();
  await using _ = stack;
  const tool = { type: 'function', name: 'trigger_assessment', parameters: { type: 'object' } };
  session.host.declareTool(tool, ({ callId }) =>
    session.host.answerCall(callId, '{"ok":true}', { speak: true }),
  );
  await connection.get('session.update');
  connection.model.kind = 'call';
  says({ type: 'response.create' });
  await said('response.created');
  connection.step(5);
  const output = await connection.get('conversation.item.create');
  expect(output['item']).toMatchObject({ type: 'function_call_output', output: '{"ok":true}' });
  await connection.get('response.create', 2);
  connection.step(5);
  await said('response.done', 2);
  expect(JSON.stringify(transport.sent)).not.toContain('trigger_assessment');
  expect(JSON.stringify(transport.sent)).not.toContain('function_call');
  expect(session.host.transcript()).toMatchObject([{ role: 'assistant' }]);
  expect(upstream.violations).toEqual([]);
});

test('what was said is kept, also of an answer that the end of the call cuts off', async () => {
  await using here = await bridgedCall({ responds: 'told' });
  here.caller.say('Hello');
  await here.caller.event('response.created');
  here.connection.step(3);
  await here.caller.event(
    'response.output_audio.delta',
    () => here.caller.all('response.output_audio.delta').length === 2,
  );
  here.caller.socket.close();
  await here.caller.ended();
  await until(() => here.gateway.gateway.sessions().length === 0, {
    timeoutMs: 5000,
    what: 'the call to end',
  });
  const read = () => {
    const reader = new DatabaseSync(join(here.gateway.folder, 'data', 'greenroom.db'), { readOnly: true });
    const items = reader.prepare('SELECT role, status, text FROM items ORDER BY seq').all();
    const sessions = reader.prepare('SELECT state, items, answers FROM sessions').all();
    reader.close();
    return { items, sessions };
  };
  await until(() => read().sessions[0]?.['state'] === 'closed', { timeoutMs: 5000, what: 'the record' });
  expect(read()).toMatchObject({
    items: [
      { role: 'user', status: 'completed', text: 'Hello' },
      { role: 'assistant', status: 'incomplete', text: 'so so ' },
    ],
    sessions: [{ items: 2 }],
  });
});
