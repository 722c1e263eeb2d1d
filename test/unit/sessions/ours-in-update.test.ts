// What an upstream is not asked for: it would not know it, or take it for something else.
import { expect, test } from 'vitest';
import { wantsWebm, withoutOurs } from '../../../src/sessions/ours-in-update.ts';

const update = (session: unknown) => ({ type: 'session.update', event_id: 'it', session });

test('a stream of WebM is refused on a bridge, in words that say what it takes', () => {
  const given = update({ type: 'realtime', audio: { input: { format: { type: 'audio/webm' } } } });
  expect(withoutOurs(given)).toMatchObject({
    state: 'refused',
    error: {
      ...{ code: 'invalid_value', param: 'session.audio.input.format', event_id: 'it' },
      message: expect.stringContaining('"audio/pcmu"'),
    },
  });
  for (const other of [
    null,
    {},
    { audio: { input: { format: null } } },
    { audio: { input: { format: { type: 'audio/pcmu' } } } },
  ]) {
    expect(wantsWebm(other)).toBe(false);
    expect(withoutOurs(update(other)).state).toBe('none');
  }
});
