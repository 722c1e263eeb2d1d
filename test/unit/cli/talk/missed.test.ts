// Answers that were given while nobody was connected.
import { expect, test } from 'vitest';
import { MissedAnswers } from '../../../../src/cli/talk/missed.ts';
import type { ConnectionEvent } from '../../../../src/client/events.ts';

const done = (id: string, transcript: string | null, role = 'assistant') =>
  ({
    type: 'conversation.item.done',
    event_id: 'event_1',
    previous_item_id: null,
    item: {
      ...{ id, object: 'realtime.item', type: 'message', status: 'completed', role },
      content: [{ type: 'output_audio', transcript }],
    },
  }) as ConnectionEvent;

test('of what is told once more, only what was never told is an answer', () => {
  const missed = new MissedAnswers();
  expect(missed.take(done('item_1', 'Seen.'), true)).toBeUndefined();
  expect(missed.take(done('item_1', 'Seen.'), false)).toBeUndefined();
  expect(missed.take(done('item_2', 'Mine.', 'user'), false)).toBeUndefined();
  expect(missed.take(done('item_3', null), false)).toBeUndefined();
  expect(missed.take(done('item_4', 'Said to nobody.'), false)).toMatchObject({
    status: 'completed',
    transcript: 'Said to nobody.',
  });
  expect(missed.take(done('item_4', 'Said to nobody.'), false)).toBeUndefined();
});
