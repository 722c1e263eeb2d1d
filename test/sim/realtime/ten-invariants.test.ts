// Ten promises that every realtime server breaks sooner or later, each by its name, over random lives of a conversation:
// answers in it and beside it, calls, failures, transcripts, silence, engines that come and go. The rig checks more than
// these after every step; here each can be read by itself.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, test } from 'vitest';
import type { Conversation, ConversationInput, Effect } from '../../../src/realtime/state.ts';
import { type Abilities, everyAbility } from '../../../src/wire/session-config.ts';
import { give, type RandomInput, randomInputs, settle } from '../../unit/realtime/random-inputs.ts';
import type { SentEvent } from '../../unit/realtime/replica.ts';
import { Rig, wordsAndSpeech } from '../../unit/realtime/rig.ts';

const abilities = fc.constantFrom<Abilities>(
  ...[everyAbility, wordsAndSpeech, wordsAndSpeech],
  { hears: 'words', answers: 'text' },
  { hears: 'nothing', answers: 'speech' },
);

interface Step {
  readonly input: ConversationInput;
  readonly before: Conversation;
  readonly after: Conversation;
  readonly events: readonly SentEvent[];
  readonly effects: readonly Effect[];
}

interface Life {
  readonly rig: Rig;
  readonly steps: readonly Step[];
}

/** Keeps each step by itself. */
class Witness extends Rig {
  readonly steps: Step[] = [];

  override feed(...inputs: ConversationInput[]): SentEvent[] {
    return inputs.flatMap((input) => {
      const { state: before } = this;
      const { length } = this.effects;
      const events = super.feed(input);
      this.steps.push({ input, before, after: this.state, events, effects: this.effects.slice(length) });
      return events;
    });
  }
}

function live(inputs: readonly RandomInput[], able: Abilities, end: 'settled' | 'as it is'): Life {
  const rig = new Witness(able);
  for (const input of inputs) give(rig, input);
  if (end === 'settled') settle(rig);
  return { rig, steps: rig.steps };
}

function promise(name: string, holds: (life: Life) => void, end: 'settled' | 'as it is' = 'settled'): void {
  test(name, () => {
    fc.assert(
      fc.property(randomInputs, abilities, (inputs, able) => holds(live(inputs, able, end))),
      { numRuns: 120 },
    );
  });
}

const responseOf = (event: SentEvent): string | null => {
  if (event.type === 'response.created' || event.type === 'response.done') return event.response.id;
  return 'response_id' in event ? event.response_id : null;
};

describe('whatever happens', () => {
  promise('1: at most one response of the conversation is active, and four beside it', ({ rig }) => {
    const active = new Map<string, boolean>();
    for (const event of rig.events) {
      if (event.type === 'response.created')
        active.set(event.response.id, event.response.conversation_id !== null);
      if (event.type === 'response.done') active.delete(event.response.id);
      const inside = [...active.values()].filter(Boolean).length;
      assert.ok(inside <= 1 && active.size - inside <= 4);
    }
  });

  promise('2: every response.created has exactly one response.done', ({ rig }) => {
    const ids = (type: string) =>
      rig.events.flatMap((event) => (event.type === type ? [responseOf(event)] : [])).toSorted();
    assert.deepEqual(ids('response.done'), ids('response.created'));
    assert.equal(new Set(ids('response.created')).size, ids('response.created').length);
  });

  promise(
    '3: nothing of a response comes after its end, and all that was added is done by then',
    ({ rig }) => {
      const open = new Map<string, Set<string>>();
      const key = (event: SentEvent) => ('output_index' in event ? `${event.output_index}` : '');
      for (const event of rig.events) {
        const id = responseOf(event);
        if (id === null) continue;
        if (event.type === 'response.created') {
          open.set(id, new Set());
          continue;
        }
        const added = open.get(id);
        assert.ok(added, `${event.type} of ${id}, which is not active`);
        if (event.type === 'response.output_item.added') added.add(`item ${key(event)}`);
        if (event.type === 'response.output_item.done') assert.ok(added.delete(`item ${key(event)}`));
        if (event.type === 'response.content_part.added') added.add(`part ${key(event)}`);
        if (event.type === 'response.content_part.done') assert.ok(added.delete(`part ${key(event)}`));
        if (event.type !== 'response.done') continue;
        assert.deepEqual([...added], []);
        open.delete(id);
      }
    },
  );

  promise(
    '4: a turn is open from speech_started on; who is interrupted ends before what was said is committed',
    ({ steps }) => {
      let interrupted: string | null = null;
      let turn: string | null = null;
      for (const { before, after, events } of steps) {
        for (const event of events) {
          if (event.type === 'input_audio_buffer.speech_started') {
            assert.equal(turn, null);
            turn = event.item_id;
            const detection = before.session.audio.input.turn_detection;
            const early = (after.input.turn?.startSample ?? 0) < before.input.catchUpSample;
            if (detection?.interrupt_response && !early) interrupted = before.response?.object.id ?? null;
          }
          if (event.type === 'response.done' && event.response.id === interrupted) interrupted = null;
          if (event.type === 'input_audio_buffer.committed' && event.item_id === turn)
            assert.equal(interrupted, null);
        }
        turn = after.input.turn?.itemId ?? null;
        if (turn === null) interrupted = null;
      }
    },
  );

  promise('5: a response runs on what was in effect when it began', ({ rig, steps }) => {
    const begun = new Map(
      rig.events.flatMap((event) =>
        event.type === 'response.created' ? [[event.response.id, event.response] as const] : [],
      ),
    );
    for (const event of rig.events) {
      if (event.type === 'response.output_text.delta')
        assert.deepEqual(begun.get(event.response_id)?.output_modalities, ['text']);
      if (event.type === 'response.output_audio.delta')
        assert.deepEqual(begun.get(event.response_id)?.output_modalities, ['audio']);
      if (event.type !== 'response.done') continue;
      const { status, status_details, output, usage, ...rest } = event.response;
      const { status: _, status_details: __, output: ___, usage: ____, ...first } = begun.get(rest.id) ?? {};
      assert.deepEqual(rest, first);
    }
    for (const { effects, after } of steps) {
      for (const effect of effects) {
        if (effect.type !== 'start_response') continue;
        const { audio, truncation } = effect.snapshot.session;
        assert.equal(audio.input.turn_detection, after.session.audio.input.turn_detection);
        assert.equal(truncation, after.session.truncation);
      }
    }
  });

  promise(
    '6: no sample is used twice or lost: it is an item’s, was let go of, or is still there',
    ({ rig, steps }) => {
      let takenTo = 0;
      let appended = 0;
      for (const { input, after, effects } of steps) {
        if (input.type === 'audio_appended') appended += input.samples;
        for (const effect of effects) {
          if (effect.type !== 'keep_audio') continue;
          assert.ok(effect.fromSample >= takenTo && effect.toSample <= appended);
          takenTo = effect.toSample;
        }
        assert.equal(after.input.endSample, appended);
        assert.ok(after.input.startSample >= takenTo && after.input.startSample <= appended);
        // The shell lets go of nothing that the conversation still counts on.
        assert.ok(rig.shell.startSample <= rig.state.input.startSample);
      }
      const cleared = steps.filter(({ events }) =>
        events.some(({ type }) => type === 'input_audio_buffer.cleared'),
      );
      for (const { after } of cleared) assert.equal(after.input.turn, null);
    },
  );

  promise('7: no event of a client is lost: each is answered, once', ({ rig, steps }) => {
    assert.deepEqual([...rig.unanswered], []);
    for (const { input, events } of steps) {
      if (input.type !== 'client' || input.event.type === 'response.create') continue;
      assert.ok(events.length > 0, `${input.event.type} has no answer`);
    }
  });

  promise('8: nothing runs on that nobody waits for: what was started is ended or stopped', ({ rig }) => {
    assert.deepEqual([...rig.shell.running], []);
    assert.deepEqual([...rig.shell.hearing], []);
    assert.equal(rig.shell.lobbyWait, 'end');
  });

  promise(
    '9: a model is asked with the newest, never without a system message, nor with half of a call',
    ({ steps }) => {
      /** Those with an input of their own. */
      const own = new Set<string | undefined>();
      for (const { input } of steps) {
        if (input.type === 'client' && input.event.type === 'response.create' && input.event.response?.input)
          own.add(input.event.event_id);
      }
      for (const { effects, events, after } of steps) {
        for (const effect of effects) {
          if (effect.type !== 'start_response') continue;
          const { items } = effect.snapshot;
          const callIds = (kind: string) =>
            new Set(
              items.flatMap((item) => (item.type !== 'message' && item.type === kind ? [item.call_id] : [])),
            );
          for (const id of callIds('function_call_output')) {
            const called = after.items.some((item) => item.type === 'function_call' && item.call_id === id);
            // A call that the client has deleted is nowhere.
            if (called) assert.ok(callIds('function_call').has(id), `the result of ${id} without its call`);
          }
          const created = events.flatMap((event) =>
            event.type === 'response.created' ? [event.response] : [],
          );
          const { metadata } = created.find(({ id }) => id === effect.snapshot.responseId) ?? {};
          if (own.has(metadata?.['ask'])) continue;
          const asked = new Set(items.map(({ id }) => id));
          const newest = after.items.findLast((item) => item.type !== 'message' || item.role !== 'system');
          if (newest && newest.type !== 'function_call_output') assert.ok(asked.has(newest.id));
          for (const item of after.items)
            if (item.type === 'message' && item.role === 'system') assert.ok(asked.has(item.id));
        }
      }
    },
  );

  promise(
    '10: what has ended has ended: to end it again changes nothing, and nothing begins any more',
    ({ rig }) => {
      const ids = [...rig.state.asides, ...(rig.state.response ? [rig.state.response] : [])].map(
        ({ object }) => object.id,
      );
      rig.feed({ type: 'engine_failed', code: 'engine_exited', message: 'gone' });
      const { length } = rig.events;
      rig.feed({ type: 'engine_failed', code: 'engine_exited', message: 'gone' });
      rig.feed(
        { type: 'idle_timeout' },
        { type: 'lobby_timeout', waitedMs: 1, missing: '' },
        { type: 'ready' },
      );
      for (const responseId of ids) {
        rig.feed(
          { type: 'output', responseId, chunk: { type: 'text', text: 'late' } },
          { type: 'output_ended', responseId },
          { type: 'output_failed', responseId, code: 'engine_exited', message: '' },
        );
      }
      assert.equal(rig.events.length, length);
      rig.append(500);
      rig.feed({ type: 'speech_started', atSample: 0 });
      rig.feed({ type: 'speech_stopped', atSample: rig.state.input.endSample });
      rig.client({ type: 'response.create', event_id: 'too late' });
      rig.client({ type: 'response.create', event_id: 'too late too', response: { conversation: 'none' } });
      const later = rig.events.slice(length).map(({ type }) => type);
      assert.ok(!later.includes('response.created'));
      assert.deepEqual([...rig.shell.running], []);
    },
    'as it is',
  );
});
