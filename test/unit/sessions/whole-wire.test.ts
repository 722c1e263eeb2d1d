// What a session does beside the one answer of its conversation: over a cascade, in virtual time.
import { describe, expect, test } from 'vitest';
import type { ChatCall } from '../../../src/engines/instance.ts';
import { CascadeWorld } from '../../support/cascade-world.ts';
import { heard, type Step, sound, stop, word } from '../../support/scripted-engine.ts';

const slowly: readonly Step[] = [30, word('Good day. '), 5000, word('How are you?'), stop];
const aside = (response: object = {}) => ({
  type: 'response.create',
  response: { conversation: 'none', output_modalities: ['text'], ...response },
});
const line = (text: string) => ({
  type: 'conversation.item.create',
  item: { type: 'message', role: 'user', content: [{ type: 'input_text', text }] },
});
const question = (world: CascadeWorld, at: number) => {
  const call = world.think.asked[at]?.call as ChatCall | undefined;
  return call?.messages ?? [];
};

describe('responses outside the conversation', () => {
  test('have engines of their own at work beside the answer, and are asked with their own input', async () => {
    const world = new CascadeWorld({ think: [slowly] });
    const caller = await world.call();
    caller.transport.says(line('Hello.'));
    caller.transport.says({ type: 'response.create' });
    const input = [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Is he kind?' }] }];
    caller.transport.says(aside({ input, instructions: 'Yes or no.', metadata: { about: 'mood' } }));
    await world.advance(100);
    expect(world.underWay[1]).toBe(2);
    expect(question(world, 1)).toEqual([
      { role: 'system', content: 'Yes or no.' },
      { role: 'user', content: 'Is he kind?' },
    ]);
    await world.advance(10_000);
    expect(caller.answers().map(({ status, said }) => [status, said])).toEqual([
      ['completed', ['Good day. How are you?']],
      ['completed', ['Good day. How are you?']],
    ]);
    await world.end(caller);
  });

  test('end with the session: nothing of them is asked for any more', async () => {
    const world = new CascadeWorld({ think: [slowly] });
    const caller = await world.call();
    for (let count = 0; count < 4; count += 1) caller.transport.says(aside());
    await world.advance(100);
    expect(world.underWay[1]).toBe(4);
    // Checks that no engine has anything under way, and no timer is left.
    await world.end(caller);
    expect(world.think.asked.map(({ end }) => end)).not.toContain('running');
  });

  test('are stopped one by one', async () => {
    const world = new CascadeWorld({ think: [slowly] });
    const caller = await world.call();
    caller.transport.says(aside());
    caller.transport.says(aside());
    await world.advance(100);
    const created = caller.transport.all('response.created');
    const [first] = created.map((event) => event['response'] as { readonly id: string });
    caller.transport.says({ type: 'response.cancel', response_id: first?.id });
    await world.advance(100);
    expect(world.underWay[1]).toBe(1);
    expect(caller.answers()).toMatchObject([{ status: 'cancelled', why: 'client_cancelled' }]);
    await world.end(caller);
  });
});

describe('a caller who says nothing', () => {
  test('is spoken to when the answer has been played and the timeout is over, and again', async () => {
    const world = new CascadeWorld({ speak: [[10, sound(1000)]], think: [[30, word('Hm?'), stop]] });
    const caller = await world.call();
    caller.transport.says({
      type: 'session.update',
      session: { audio: { input: { turn_detection: { type: 'server_vad', idle_timeout_ms: 5000 } } } },
    });
    caller.transport.says(line('Hello.'));
    caller.transport.says({ type: 'response.create' });
    await world.advance(100);
    expect(caller.answers()).toHaveLength(1);
    await world.advance(5800);
    expect(caller.transport.all('input_audio_buffer.timeout_triggered')).toHaveLength(0);
    await world.advance(300);
    expect(caller.transport.all('input_audio_buffer.timeout_triggered')).toHaveLength(1);
    expect(caller.answers()).toHaveLength(2);
    expect(question(world, 1).at(-1)).toEqual({ role: 'user', content: '(silence)' });
    // Nobody is asked what was heard.
    expect(world.hear.asked).toEqual([]);
    await world.advance(6100);
    expect(caller.answers()).toHaveLength(3);
    await world.end(caller);
  });
});

describe('a transcription session', () => {
  test('needs nothing of what thinks and speaks', async () => {
    const world = new CascadeWorld({ hear: [[20, heard('Hel'), 20, heard('Hello.')]] });
    const caller = await world.call();
    caller.transport.says({ type: 'session.update', session: { type: 'transcription' } });
    await caller.speaks();
    await world.advance(2000);
    await caller.speaks();
    await world.advance(2000);
    expect(caller.transcripts()).toEqual(['Hello.', 'Hello.']);
    expect(caller.types()).not.toContain('response.created');
    expect([...world.think.asked, ...world.speak.asked]).toEqual([]);
    await world.end(caller);
  });
});
