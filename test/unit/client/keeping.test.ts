import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { timerMsMax } from '../../../src/client/given.ts';
import {
  addLine,
  flush,
  type Lines,
  letGo,
  lost,
  noLines,
  refused,
  shown,
  unshownMax,
} from '../../../src/client/lines.ts';
import { Queue } from '../../../src/client/queue.ts';
import { hintOf, schedule } from '../../../src/client/retry.ts';
import {
  answered,
  askAgain,
  forget,
  mergeUpdates,
  noMemory,
  remember,
} from '../../../src/client/session-memory.ts';
import { AudioSpool } from '../../../src/client/spool.ts';

const limits = { lines: 3, characters: 100 };
const line = (name: string) => ({ itemId: `item_${name}`, text: name, askId: `ask_${name}` });

function kept(...names: string[]): Lines {
  return names.reduce((lines, name) => addLine(lines, line(name), limits) ?? lines, noLines);
}

const typesOf = (frames: readonly { type: string; event_id?: string }[]) =>
  frames.map(({ type, event_id: id }) => `${type} ${id}`);

describe('typed lines', () => {
  test('go out together, and one answer is asked for', () => {
    const { frames, lines } = flush(kept('a', 'b'));
    expect(typesOf(frames)).toEqual([
      'conversation.item.create create_item_a',
      'conversation.item.create create_item_b',
      'response.create ask_b',
    ]);
    expect(flush(lines).frames).toEqual([]);
  });

  test('of unknown fate go out again; the answer is asked for when one of them was new', () => {
    const again = flush(lost(flush(kept('a', 'b')).lines));
    expect(typesOf(again.frames)).toEqual([
      'conversation.item.create create_item_a',
      'conversation.item.create create_item_b',
    ]);
    const known = refused(again.lines, { code: 'item_create_duplicate_item_id', event_id: 'create_item_a' });
    expect(known).toMatchObject({ line: { itemId: 'item_a' }, how: 'duplicate' });
    const fresh = shown(known.lines, 'item_b');
    expect(typesOf(fresh.frames)).toEqual(['response.create ask_b']);
    expect(fresh.lines).toEqual(noLines);
    expect(shown(fresh.lines, 'item_b').line).toBeUndefined();
  });

  test('that were shown do not go out again, those that were refused neither', () => {
    const sent = flush(kept('a', 'b', 'c')).lines;
    const { lines } = refused(shown(sent, 'item_a').lines, {
      code: 'conversation_full',
      event_id: 'create_item_b',
    });
    expect(typesOf(flush(lost(lines)).frames)).toEqual(['conversation.item.create create_item_c']);
  });

  test('are bounded by number and by characters, sent ones aside', () => {
    expect(addLine(kept('a', 'b', 'c'), line('d'), limits)).toBeUndefined();
    expect(addLine(noLines, line('x'.repeat(101)), limits)).toBeUndefined();
    let lines = flush(kept('a', 'b', 'c')).lines;
    for (const name of ['d', 'e']) lines = flush(addLine(lines, line(name), limits) ?? lines).lines;
    expect(lines.waiting).toHaveLength(5);
  });

  test('that a server never shows are let go of, the oldest first, and never the last', () => {
    const many = Array.from({ length: unshownMax.lines + 2 }, (_, index) => line(String(index)));
    const unbounded = { lines: Number.POSITIVE_INFINITY, characters: Number.POSITIVE_INFINITY };
    const all = (ones: readonly (typeof many)[number][]) =>
      ones.reduce((lines, one) => addLine(lines, one, unbounded) ?? lines, noLines);
    const { lines, gone } = letGo(flush(all(many)).lines);
    expect(gone.map(({ itemId }) => itemId)).toEqual(['item_0', 'item_1']);
    expect(lines.waiting).toHaveLength(unshownMax.lines);
    const long = ['a', 'b', 'c'].map((name) => ({
      ...line(name),
      text: 'x'.repeat(unshownMax.characters / 2),
    }));
    expect(letGo(flush(all(long)).lines).gone).toHaveLength(1);
    const longest = { ...line('d'), text: 'x'.repeat(unshownMax.characters + 1) };
    expect(letGo(flush(all([...long, longest])).lines).lines.waiting).toMatchObject([{ itemId: 'item_d' }]);
  });
});

test('speech that is kept never exceeds its limits, stays in order, and every byte is sent or told', () => {
  const step = fc.record({
    samples: fc.integer({ min: 1, max: 400 }),
    ms: fc.integer({ min: 0, max: 60 }),
    take: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const spool = new AudioSpool({ ageMs: 200, bytes: 1000 });
      let nowMs = 0;
      let [pushed, dropped, taken] = [0, 0, 0];
      const values: number[] = [];
      steps.forEach(({ samples, ms, take }, index) => {
        nowMs += ms;
        for (const { bytes } of spool.push(new Int16Array(samples).fill(index), nowMs)) dropped += bytes;
        pushed += samples * 2;
        expect(spool.bytes).toBeLessThanOrEqual(1000);
        const pcm = take ? spool.shift() : undefined;
        if (pcm) values.push(pcm[0] ?? -1);
        taken += pcm?.byteLength ?? 0;
        expect(taken + dropped + spool.bytes).toBe(pushed);
      });
      for (const { bytes } of spool.prune(nowMs + 1000)) dropped += bytes;
      expect(spool.empty).toBe(true);
      expect(taken + dropped).toBe(pushed);
      expect(values).toEqual(values.toSorted((a, b) => a - b));
    }),
  );
});

test('what is kept is a copy: a microphone may use its buffer again', () => {
  const spool = new AudioSpool({ ageMs: 200, bytes: 1000 });
  const buffer = new Int16Array([1, 2]);
  spool.push(buffer, 0);
  buffer.fill(9);
  expect(spool.shift()).toEqual(new Int16Array([1, 2]));
});

test('updates of the session become one: the later counts, null clears, another type replaces', () => {
  const first = mergeUpdates(
    {},
    {
      instructions: 'Be brief.',
      audio: { input: { turn_detection: { type: 'server_vad', threshold: 0.4 } }, output: { voice: 'slt' } },
    },
  );
  const second = mergeUpdates(first, {
    instructions: null,
    audio: { input: { turn_detection: { type: 'server_vad', silence_duration_ms: 300 } } },
  });
  expect(second).toEqual({
    instructions: null,
    audio: {
      input: { turn_detection: { type: 'server_vad', threshold: 0.4, silence_duration_ms: 300 } },
      output: { voice: 'slt' },
    },
  });
  const third = mergeUpdates(second, { audio: { input: { turn_detection: { type: 'semantic_vad' } } } });
  expect(third.audio?.input?.turn_detection).toEqual({ type: 'semantic_vad' });
  expect(
    mergeUpdates(third, { audio: { input: { turn_detection: null } } }).audio?.input?.turn_detection,
  ).toBeNull();
});

describe('what was asked of the session', () => {
  const brief = { eventId: 'client_1', session: { instructions: 'Be brief.' } };
  const text = { eventId: 'client_2', session: { output_modalities: ['text'] as const } };

  test('is one when it was agreed, and forgotten when it was refused', () => {
    const asked = remember(remember(noMemory, brief), text);
    expect(askAgain(asked)).toEqual(asked);
    expect(forget(answered(asked), 'client_2')).toEqual({ agreed: brief.session, asked: [] });
    const agreed = answered(answered(asked));
    expect(agreed).toEqual({ agreed: { ...brief.session, ...text.session }, asked: [] });
    expect(answered(agreed)).toEqual(agreed);
  });

  test('is asked again first of all, once, and stays when the next session refuses it', () => {
    const memory = remember(answered(remember(noMemory, brief)), text);
    const again = askAgain(memory);
    expect(again.asked).toEqual([{ eventId: 'client_again', session: brief.session }, text]);
    expect(askAgain(again)).toEqual(again);
    expect(answered(again)).toEqual(memory);
    expect(forget(again, 'client_again')).toEqual(memory);
  });

  test('does not grow for ever when nothing is answered', () => {
    let memory = noMemory;
    for (let at = 0; at < 1000; at += 1)
      memory = remember(memory, { eventId: `client_${at}`, session: { instructions: String(at) } });
    expect(memory.asked.length).toBeLessThanOrEqual(100);
    expect(answered(memory).agreed.instructions).toBe('900');
  });
});

test('a wait is always one that a timer can have, whatever the limits and the server say', () => {
  const limit = fc.oneof(fc.constantFrom(0, Number.POSITIVE_INFINITY), fc.double({ min: 0, noNaN: true }));
  const wait = fc.integer({ min: 0, max: timerMsMax });
  const policies = fc.record({ attempts: limit, totalMs: limit, firstMs: wait, maxMs: wait });
  const hints = fc.oneof(fc.constant(null), fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }));
  fc.assert(
    fc.property(
      policies,
      fc.nat(5000),
      hints,
      fc.double({ min: 0, max: 1, noNaN: true }),
      (policy, attempts, hint, chance) => {
        const world = { nowMs: 10, random: () => chance };
        const scheduled = schedule(policy, { sinceMs: 0, attempts }, hint, world);
        if (scheduled.state === 'given_up') return;
        expect(scheduled.delayMs).toBeGreaterThanOrEqual(0);
        expect(scheduled.delayMs).toBeLessThanOrEqual(timerMsMax);
      },
    ),
  );
  for (const none of [-5, 'soon', Number.NaN, null, undefined, {}]) expect(hintOf(none)).toBeNull();
  expect(hintOf(0)).toBe(0);
});

test('a queue gives what it was given, in order, however long it is', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -3000, max: 3000 }), { maxLength: 20 }), (steps) => {
      const queue = new Queue<number>();
      let [given, taken] = [0, 0];
      for (const step of steps) {
        for (let at = 0; at < step; at += 1) queue.push(given++);
        for (let at = step; at < 0 && taken < given; at += 1) expect(queue.shift()).toBe(taken++);
        expect(queue.length).toBe(given - taken);
        expect(queue.first).toBe(taken < given ? taken : undefined);
      }
      queue.clear();
      expect([queue.length, queue.shift()]).toEqual([0, undefined]);
    }),
    { numRuns: 30 },
  );
});
