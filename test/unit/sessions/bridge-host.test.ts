// What work beside a bridged call waits for, in virtual time: words that upstream still writes down, a moment to speak.
import { expect, test } from 'vitest';
import { next } from '../../../src/bridge/bridge.ts';
import type { BridgeInput } from '../../../src/bridge/state.ts';
import { Scope } from '../../../src/lifecycle/scope.ts';
import { BridgeHost } from '../../../src/sessions/bridge-host.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { BridgeWorld } from '../../sim/bridge/world.ts';

/** A call that upstream answers, with an item whose words are not written down yet. */
function hosted({ transcription = { model: 'whisper-1' } as object | null } = {}) {
  const clock = new VirtualClock();
  const scope = new Scope('session', { clock });
  const call = new BridgeWorld();
  call.answer();
  call.say({ type: 'session.update', session: { type: 'realtime', audio: { input: { transcription } } } });
  call.settle();
  let ids = 0;
  const newId = (prefix: string) => `${prefix}_${++ids}`;
  const feed = (input: BridgeInput) => {
    const step = next(call.state, input, newId);
    call.state = step.state;
    for (const effect of step.effects) {
      if (effect.type === 'speech_ended') host.spoken(effect.id, effect.outcome);
      if (effect.type === 'record' && effect.event.type === 'transcribed') host.heard();
    }
  };
  const host = new BridgeHost({ scope, newId, state: () => call.state, feed });
  const says = (event: { readonly type: string }) =>
    feed({ type: 'upstream', event: { ...event }, text: JSON.stringify(event) });
  const item = {
    id: 'item_1',
    type: 'message',
    role: 'user',
    content: [{ type: 'input_audio', transcript: null }],
  };
  says({ type: 'conversation.item.added', ...{ previous_item_id: null, item } });
  const write = () =>
    says({
      type: 'conversation.item.input_audio_transcription.completed',
      ...{ item_id: 'item_1', content_index: 0, transcript: 'Hello.' },
    });
  return { clock, scope, host, write };
}

const words = (transcript: string | null) => [{ content: [{ type: 'input_audio', transcript }] }];

async function waited(options: Parameters<typeof hosted>[0] = {}) {
  const here = hosted(options);
  const stop = new AbortController();
  let items: unknown;
  const done = here.host.written(here.host.transcript(), stop.signal).then((all) => {
    items = all;
  });
  await here.clock.advance(0);
  return { ...here, stop, done, items: () => items };
}

test('words that come are in it', async () => {
  const { clock, scope, write, items } = await waited();
  await clock.advance(4000);
  expect(items()).toBeUndefined();
  write();
  await clock.advance(0);
  expect(items()).toMatchObject(words('Hello.'));
  expect(clock.pending).toBe(0);
  await scope.close('done');
});

test('words that never come are waited for 5 s, and not at all where nobody writes them down', async () => {
  const late = await waited();
  await late.clock.advance(4999);
  expect(late.items()).toBeUndefined();
  await late.clock.advance(1);
  expect(late.items()).toMatchObject(words(null));
  const never = await waited({ transcription: null });
  expect(never.items()).toMatchObject(words(null));
  await Promise.all([late.scope.close('done'), never.scope.close('done')]);
});

test('a task that is cancelled, or a call that ends, waits no longer', async () => {
  const cancelled = await waited();
  cancelled.stop.abort();
  await cancelled.done;
  expect(cancelled.clock.pending).toBe(0);
  const ended = await waited();
  await ended.scope.close('client_left');
  await ended.done;
  expect(ended.clock.pending).toBe(0);
  await cancelled.scope.close('done');
});

test('what cannot be told for a minute is given up; nothing is left of what was told', async () => {
  const { clock, scope, host, write } = hosted();
  write();
  const told = host.speak({ instructions: 'Tell it.' });
  const waits = host.speak({ instructions: 'Tell that too.' });
  await clock.advance(59_999);
  await clock.advance(1);
  expect(await waits).toMatchObject({ state: 'failed', code: 'deadline_exceeded' });
  expect(clock.pending).toBe(0);
  await scope.close('done');
  // It had begun: how it ended is not known.
  expect(await told).toMatchObject({ state: 'failed', code: 'scope_closed' });
  expect(clock.pending).toBe(0);
});

test('when the call is over nothing is said, and nothing is left that waits for it', async () => {
  const { clock, scope, host } = hosted();
  const before = clock.pending;
  await scope.close('done');
  const outcome = host.speak({ instructions: 'The result is there.' });
  expect(clock.pending).toBe(before);
  expect(await outcome).toMatchObject({ state: 'failed', code: 'scope_closed' });
});
