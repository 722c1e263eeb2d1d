// The ten invariants of notes on realtime servers, as far as a conversation can break them, are checked by the rig
// after every step: see rig.ts, replica.ts and shell.ts. Here it is driven by random inputs.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { next, open } from '../../../src/realtime/conversation.ts';
import type { Effect } from '../../../src/realtime/state.ts';
import { type Abilities, everyAbility } from '../../../src/wire/session-config.ts';
import { give, type RandomInput, randomInputs, settle } from './random-inputs.ts';
import { countingIds, Rig, sessionWith, wordsAndSpeech } from './rig.ts';

/** Of pipelines that write down what they hear, and of those that do not. */
const abilities = fc.constantFrom<Abilities>(
  everyAbility,
  wordsAndSpeech,
  { hears: 'words', answers: 'text' },
  { hears: 'nothing', answers: 'speech' },
);

function run(inputs: readonly RandomInput[], able: Abilities): Rig {
  const rig = new Rig(able);
  for (const input of inputs) give(rig, input);
  return rig;
}

describe('whatever comes in, in whatever order', () => {
  test('one response at a time, one terminal each, nothing after it, and every replica agrees', () => {
    fc.assert(
      fc.property(randomInputs, abilities, (inputs, able) => {
        run(inputs, able);
      }),
      { numRuns: 300 },
    );
  });

  test('what was begun comes to its end: every response.create is answered, nothing waits, nothing runs', () => {
    fc.assert(
      fc.property(randomInputs, abilities, (inputs, able) => {
        const rig = run(inputs, able);
        settle(rig);
        expect([...rig.unanswered]).toEqual([]);
        expect(rig.state).toMatchObject({
          response: null,
          waiting: null,
          internal: [],
          asides: [],
          waitingAsides: [],
        });
        expect(rig.shell.lobbyWait).toBe('end');
        const count = (type: string) => rig.events.filter((event) => event.type === type).length;
        expect(count('response.done')).toBe(count('response.created'));
      }),
      { numRuns: 200 },
    );
  });

  test('the same inputs and ids give the same effects, and no state is changed in place', () => {
    fc.assert(
      fc.property(randomInputs, abilities, (inputs, able) => {
        const { inputs: given, effects } = run(inputs, able);
        const newId = countingIds();
        // The rig takes an id for each event it frames.
        const framed = (again: readonly Effect[]) => {
          for (const { type } of again) if (type === 'send' || type === 'send_retrieved') newId('event');
          return again;
        };
        let step = open(sessionWith(able), 'conv_test', newId, able);
        const replayed = [...framed(step.effects)];
        for (const input of given) {
          const before = JSON.stringify(step.state);
          const after = next(deepFreeze(step.state), input, newId);
          expect(JSON.stringify(step.state)).toBe(before);
          step = after;
          replayed.push(...framed(step.effects));
        }
        expect(replayed).toEqual(effects);
      }),
      { numRuns: 60 },
    );
  });
});

function deepFreeze<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || Object.isFrozen(value))
    return value;
  for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}
