import { expect, test } from 'vitest';
import { Announcer } from '../../../src/telemetry/announcer.ts';

function announcing() {
  const heard: string[] = [];
  const faults: unknown[] = [];
  const announcer = new Announcer<string>((error) => faults.push(error));
  const hear = (name: string) => (event: string) => void heard.push(`${name} ${event}`);
  return { announcer, heard, faults, hear };
}

test('every listener hears every event, in the order in which they came, until its undo', () => {
  const { announcer, heard, hear } = announcing();
  announcer.listen(hear('a'));
  const undo = announcer.listen(hear('b'));
  announcer.announce('one');
  undo();
  undo();
  announcer.announce('two');
  expect(heard).toEqual(['a one', 'b one', 'a two']);
});

test('a listener that throws is reported, and neither the others nor the announcer feel it', () => {
  const { announcer, heard, faults, hear } = announcing();
  const fault = new Error('no');
  announcer.listen(() => {
    throw fault;
  });
  announcer.listen(hear('b'));
  announcer.announce('one');
  expect([heard, faults]).toEqual([['b one'], [fault]]);
});

test('after its undo a listener hears nothing, not even the event under way', () => {
  const { announcer, heard, hear } = announcing();
  announcer.listen(() => undo());
  const undo = announcer.listen(hear('undone'));
  announcer.listen(hear('last'));
  announcer.announce('one');
  expect(heard).toEqual(['last one']);
});

test('one that comes while an event is announced hears the next one', () => {
  const { announcer, heard, hear } = announcing();
  const undo = announcer.listen(() => {
    undo();
    announcer.listen(hear('new'));
  });
  announcer.announce('one');
  announcer.announce('two');
  expect(heard).toEqual(['new two']);
});

test('the same function may listen twice, and each undo is for one of them', () => {
  const { announcer, heard, hear } = announcing();
  const listener = hear('a');
  const undo = announcer.listen(listener);
  announcer.listen(listener);
  announcer.announce('one');
  undo();
  announcer.announce('two');
  expect(heard).toEqual(['a one', 'a one', 'a two']);
});
