// What of a long conversation a model is asked with.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { retained, tokensOf } from '../../../src/realtime/retention.ts';
import type { Item } from '../../../src/wire/items.ts';
import { Rig } from './rig.ts';

let made = 0;
const head = () => ({ id: `item_${(made += 1)}`, object: 'realtime.item', status: 'completed' }) as const;

/** Of so many estimated tokens, four of them for who says it. */
function message(role: 'user' | 'assistant' | 'system', tokens: number): Item {
  const text = 'x'.repeat((tokens - 4) * 4);
  const type = role === 'assistant' ? 'output_text' : 'input_text';
  return { ...head(), type: 'message', role, content: [{ type, text }] };
}

const call = (callId: string): Item => ({
  ...{ ...head(), type: 'function_call', call_id: callId, name: 'look', arguments: '{}' },
});
const result = (callId: string, tokens: number): Item => ({
  ...{ ...head(), type: 'function_call_output', call_id: callId, output: 'x'.repeat((tokens - 4) * 4) },
});

const within = (post_instructions: number, retention_ratio = 1) =>
  ({ type: 'retention_ratio', retention_ratio, token_limits: { post_instructions } }) as const;

const callOf = (item: Item | undefined) => (item?.type === 'message' ? undefined : item?.call_id);

describe('what a model is asked with', () => {
  test('of a short conversation: everything', () => {
    const items = [message('user', 10), message('assistant', 10)];
    expect(retained(items, 'auto')).toBe(items);
    expect(retained(items, within(20))).toBe(items);
  });

  test('of a long one: the newest, from what a user said on', () => {
    const items = [1, 2, 3].flatMap(() => [message('user', 10), message('assistant', 10)]);
    const asked = [...items, message('user', 10)];
    expect(retained(asked, within(35))).toEqual(asked.slice(4));
    expect(retained(asked, within(45))).toEqual(asked.slice(4));
  });

  test('a share of the limit is kept, so that the beginning is the same for some turns', () => {
    const turns = Array.from({ length: 40 }, () => message('user', 10));
    const starts = turns.map((_, at) => retained(turns.slice(0, at + 1), within(100, 0.5))[0]?.id);
    // Ten fit; then five are left, and six more come until it is too much again.
    const changes = starts.filter((id, at) => at > 0 && id !== starts[at - 1]);
    expect(changes).toHaveLength(5);
  });

  test('by default: 28,224 tokens, of which 80 % stay; disabled: all, and the engine may refuse', () => {
    const items = Array.from({ length: 300 }, () => message('user', 100));
    const kept = retained(items, 'auto');
    const tokens = kept.reduce((sum, item) => sum + tokensOf(item), 0);
    expect(tokens).toBeLessThanOrEqual(28_224);
    expect(tokens).toBeGreaterThan(28_224 * 0.8 - 200);
    expect(retained(items, 'disabled')).toBe(items);
  });

  test('letters beyond ASCII count for what they are', () => {
    const content = [{ type: 'input_text', text: '今日は' }] as const;
    expect(tokensOf({ ...head(), type: 'message', role: 'user', content })).toBe(4 + 3);
  });

  test('a result is never without its call, nor a call without its result', () => {
    const items = [
      ...[message('user', 10), call('a'), call('b'), result('a', 10), message('user', 10), result('b', 10)],
      message('user', 10),
    ];
    expect(retained(items, within(45))).toEqual([items[4], items[6]]);
  });

  test('never loses a system message, the newest item, or half of a call; and keeps to the limit', () => {
    const item = fc.oneof(
      fc.tuple(fc.constantFrom('user', 'assistant', 'system'), fc.integer({ min: 4, max: 60 })),
      fc.tuple(fc.constantFrom('call', 'result'), fc.nat({ max: 4 })),
    );
    const truncation = fc.tuple(fc.integer({ min: 0, max: 300 }), fc.double({ min: 0, max: 1, noNaN: true }));
    fc.assert(
      fc.property(fc.array(item, { maxLength: 40 }), truncation, (given, [limit, ratio]) => {
        // Nobody gives a result before its call, or a second one, or calls twice by one id: those are refused.
        const [called, answered] = [new Set<number>(), new Set<number>()];
        const possible = given.filter(([kind, number]) => {
          if (kind === 'call') return called.size !== called.add(number).size;
          if (kind !== 'result') return true;
          return called.has(number) && answered.size !== answered.add(number).size;
        });
        const items = possible.map(([kind, number]) => {
          if (kind === 'call') return call(`c${number}`);
          if (kind === 'result') return result(`c${number}`, 10);
          return message(kind as 'user', number);
        });
        const kept = retained(items, within(limit, ratio));
        expect(items.filter((one) => kept.includes(one))).toEqual(kept);
        const isSystem = (one: Item) => one.type === 'message' && one.role === 'system';
        expect(kept.filter(isSystem)).toEqual(items.filter(isSystem));
        const last = items.findLast((one) => !isSystem(one));
        const caller = items.find((one) => last?.type !== 'message' && callOf(one) === callOf(last));
        // The result of a call that was there when it was too much went with it.
        if (last && (last.type === 'message' || caller === last)) expect(kept).toContain(last);
        for (const one of items) {
          if (one.type === 'message') continue;
          const together = items.filter((other) => other.type !== 'message' && other.call_id === one.call_id);
          expect(new Set(together.map((other) => kept.includes(other))).size).toBe(1);
        }
        const before = retained(items.slice(0, -1), within(limit, ratio));
        for (const one of items.slice(0, -1))
          if (!before.includes(one)) expect(kept, 'what has gone comes back').not.toContain(one);
      }),
      { numRuns: 500 },
    );
  });

  test('a response is asked so, and the conversation keeps everything', () => {
    const rig = new Rig().ready();
    const truncation = within(20);
    rig.client({ type: 'session.update', session: { truncation } });
    for (let turn = 0; turn < 5; turn += 1) rig.say('x'.repeat(24));
    rig.client({ type: 'response.create' });
    expect(rig.shell.snapshots.at(-1)?.items).toHaveLength(2);
    expect(rig.itemIds).toHaveLength(5);
  });
});
