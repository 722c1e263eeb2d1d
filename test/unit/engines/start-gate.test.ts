// Nothing is started before the supervisor is, and nothing that was needed meanwhile is forgotten.
import { describe, expect, test } from 'vitest';
import type { GroupMember } from '../../../src/engines/engine-group.ts';
import { atOnce, StartGate } from '../../../src/engines/start-gate.ts';
import { Stage } from './engine-stage.ts';

const member = (name: string, woken: string[], wanted = true) =>
  ({ name, wake: () => void woken.push(name), wanted: () => wanted }) as unknown as GroupMember;

describe('the gate before the start', () => {
  test('keeps who was needed, once each and in order, and leaves out who is not wanted any more', () => {
    const woken: string[] = [];
    const gate = new StartGate();
    const turns = gate.before(atOnce);
    const [a, b, gone] = [member('a', woken), member('b', woken), member('gone', woken, false)];
    for (const needed of [a, gone, b, a]) turns.need(needed);
    expect(woken).toEqual([]);
    gate.open();
    gate.open();
    expect(woken).toEqual(['a', 'b']);
  });

  test('hands on at once when it is open', () => {
    const woken: string[] = [];
    const gate = new StartGate();
    gate.open();
    gate.before(atOnce).need(member('a', woken));
    expect(woken).toEqual(['a']);
  });
});

describe('an engine behind a shut gate', () => {
  test('is not spawned for a session that holds it, and is when the gate opens', async () => {
    const gate = new StartGate();
    await using stage = new Stage('when asked', { start: 'lazy', turns: gate.before(atOnce) });
    const release = stage.engine.lobby.hold();
    await stage.clock.advance(10);
    expect(stage.instances).toHaveLength(0);
    gate.open();
    expect(stage.instances).toHaveLength(1);
    release();
  });

  test('is not spawned when it was stopped meanwhile', async () => {
    const gate = new StartGate();
    await using stage = new Stage('when asked', { turns: gate.before(atOnce) });
    stage.engine.start();
    await stage.engine.stop(stage.deadline(100));
    gate.open();
    expect(stage.instances).toHaveLength(0);
    expect(stage.engine.life.state).toBe('stopped');
  });
});
