import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addLine, flush, type Lines, lost, noLines, refused, shown } from '../../../src/client/lines.ts';
import { mergeUpdates } from '../../../src/client/session-memory.ts';
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
    // A server that never shows what it has.
    for (let more = 0; more < 20; more += 1)
      lines = flush(addLine(lines, line(`m${more}`), limits) ?? lines).lines;
    expect(lines.waiting).toHaveLength(4);
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
  const first = mergeUpdates(null, {
    instructions: 'Be brief.',
    audio: { input: { turn_detection: { type: 'server_vad', threshold: 0.4 } }, output: { voice: 'slt' } },
  });
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
