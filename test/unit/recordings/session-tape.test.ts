// The tape of one session: which steps it takes, and what its caller and the API are told.
import { expect, test } from 'vitest';
import type { Step } from '../../../src/recordings/protocol.ts';
import { SessionTape } from '../../../src/recordings/session-tape.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import type { RecordingNotice } from '../../../src/wire/notices.ts';
import { factsOf } from './takes.ts';

function world(begins: 'on' | 'off' = 'off') {
  const steps: Step[] = [];
  const notices: RecordingNotice[] = [];
  const disk = { state: 'taken' as 'taken' | 'full' | 'closed' };
  let key = 0;
  let ended = 0;
  const tape = new SessionTape({
    session: { id: 's', pipeline: 'p', formats: 'told', notice: (notice) => void notices.push(notice) },
    recorder: {
      take(step) {
        if (disk.state === 'full' && step.type === 'event') return 'full';
        if (disk.state === 'closed') return 'closed';
        steps.push(step);
        return 'taken';
      },
    },
    ...{ clock: new VirtualClock(), begins },
    newKey: () => ++key,
    onEnd: () => {
      ended += 1;
    },
  });
  return {
    ...{ tape, steps, notices, disk },
    get ended() {
      return ended;
    },
    types: () => steps.map((step) => `${step.type} ${step.key}`),
    began: (of: number) => tape.changed(of, { ...factsOf('s', of), state: 'recording' }),
    finished: (of: number) => tape.changed(of, factsOf('s', of)),
    told: () => notices.map(({ state, take }) => `${state} ${take}`),
  };
}

const update = '{"event_id":"e","type":"session.updated","session":{"audio":{}}}';

test('off it takes nothing; on it takes everything, and knows what was in effect before', async () => {
  const { tape, steps, types, began, told } = world();
  tape.begin(undefined);
  tape.told(update);
  tape.told('{"type":"error","message":"\\"type\\":\\"session.updated\\""}');
  tape.heard('{"type":"x"}');
  expect(steps).toEqual([]);
  const on = tape.switch(true);
  expect(tape.switch(true)).not.toBe(undefined);
  tape.heard('{"type":"y"}');
  tape.told('{"type":"z"}');
  expect(types()).toEqual(['start 1', 'event 1', 'event 1']);
  expect(steps[0]).toMatchObject({ name: { session: 's', take: 1 }, context: [update] });
  expect(told()).toEqual([]);
  began(1);
  expect(await on).toMatchObject({ state: 'on', take: 1 });
  expect(told()).toEqual(['on 1']);
});

test('one that is python’s, and of an upstream, says its formats as well', () => {
  const { tape, steps } = world();
  const python = '{"type": "session.updated", "event_id": "e", "session": {}}';
  tape.told(python);
  void tape.switch(true);
  expect(steps[0]).toMatchObject({ context: [python] });
});

test('off and on again before the disk has answered: two takes, each told as it is', async () => {
  const { tape, types, began, finished, told } = world();
  const first = tape.switch(true);
  const off = tape.switch(false);
  const second = tape.switch(true);
  expect(types()).toEqual(['start 1', 'stop 1', 'start 2']);
  began(1);
  finished(1);
  began(2);
  expect(await first).toMatchObject({ state: 'on', take: 1 });
  expect(await off).toMatchObject({ state: 'off', take: 1 });
  expect(await second).toMatchObject({ state: 'on', take: 2 });
  expect(told()).toEqual(['on 1', 'off 1', 'on 2']);
});

test('what cannot be written is told once; it goes on with the next take only when it is asked to', async () => {
  const { tape, types, began, told, notices } = world('on');
  tape.begin(undefined);
  began(1);
  const message = 'recording s/1 cannot be written: the disk is full';
  const error = { code: 'recording_failed', message } as const;
  tape.changed(1, { ...factsOf('s', 1), state: 'failed', error });
  tape.heard('{}');
  expect(types()).toEqual(['start 1']);
  expect(notices.at(-1)).toMatchObject({ code: 'recording_failed', state: 'failed', take: 1, message });
  expect(await tape.switch(false)).toMatchObject({ state: 'off', take: 1 });
  const again = tape.switch(true);
  tape.lost(2, 'no room for it');
  expect(await again).toMatchObject({ state: 'failed', take: 2, message: 'no room for it' });
  expect(told()).toEqual(['on 1', 'failed 1', 'failed 2']);
  expect(tape.idle).toBe(true);
});

test('a disk that does not keep up ends the take, not the session', () => {
  const { tape, types, steps, began, disk } = world('on');
  tape.begin(undefined);
  began(1);
  disk.state = 'full';
  tape.heard('{}');
  tape.heard('{}');
  expect(types()).toEqual(['start 1', 'fail 1']);
  expect(steps.at(-1)).toMatchObject({ why: expect.stringContaining('the disk does not keep up') });
});

test('the caller’s own switch is answered, also when it changes nothing', async () => {
  const { tape, began, told } = world();
  tape.ask(false);
  await expect.poll(told).toEqual(['off null']);
  tape.ask(true);
  began(1);
  await expect.poll(told).toEqual(['off null', 'on 1']);
  tape.ask(true);
  await expect.poll(told).toEqual(['off null', 'on 1', 'on 1']);
});

test('when its session ends so does its take, with the reason; nobody is told, and no other begins', async () => {
  const it = world('on');
  const { tape, types, steps, began, finished, told } = it;
  tape.begin(undefined);
  began(1);
  tape.end('client_left');
  expect(it.ended).toBe(1);
  expect(tape.idle).toBe(false);
  expect(steps.at(-1)).toMatchObject({ type: 'stop', reason: 'client_left' });
  finished(1);
  expect(tape.idle).toBe(true);
  expect(await tape.switch(true)).toMatchObject({ state: 'off' });
  expect(types()).toEqual(['start 1', 'stop 1']);
  expect(told()).toEqual(['on 1']);
});

test('what a session begins with goes before what the configuration says', () => {
  const off = world('on');
  off.tape.begin(false);
  expect(off.steps).toEqual([]);
  const on = world('off');
  on.tape.begin(true);
  expect(on.types()).toEqual(['start 1']);
});

test('a gateway that leaves begins no take', async () => {
  const { tape, disk } = world();
  disk.state = 'closed';
  expect(await tape.switch(true)).toMatchObject({ state: 'off', message: 'the gateway is leaving' });
});
