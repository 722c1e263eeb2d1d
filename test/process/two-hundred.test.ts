// Two hundred callers of one gateway over one cascade: nobody gets what is another's, and when they have gone, in whatever
// way and order, nothing of them is left.
import { expect, test } from 'vitest';
import { Caller } from '../support/caller.ts';
import { audioToLetters, lettersToAudio, startLettered } from '../support/cascade-process.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';

const count = 200;
const nameOf = (number: number) => `caller ${String(number).padStart(3, '0')}`;

interface Branch {
  readonly name: string;
  readonly kind?: string;
  readonly children?: readonly Branch[];
  readonly tasks?: readonly unknown[];
}

/** What there is, by its names: numbers and ages are nobody's. */
async function shape(gateway: GatewayProcess): Promise<unknown> {
  const branch = ({ name, children = [], tasks = [] }: Branch): unknown => [
    name.replaceAll(/[0-9a-f]{8,}|\d+/g, '#'),
    tasks.length,
    children.map(branch),
  ];
  return branch((await gateway.json('/api/tree')).body as Branch);
}

function texts(caller: Caller): string {
  return JSON.stringify(
    caller.events.filter(({ type }) => type !== 'session.created' && !type.startsWith('greenroom.')),
  );
}

function spoken(caller: Caller): string {
  return caller
    .all('response.output_audio.delta')
    .map(({ delta }) => audioToLetters(String(delta)))
    .join('');
}

test('two hundred callers at once: to each his own, and nothing is left of them', async () => {
  await using gateway = await startLettered();
  await gateway.event('ready');
  const url = await gateway.url();
  const before = await shape(gateway);
  const callers = await Promise.all(
    Array.from({ length: count }, async (_, number) => {
      const caller = await Caller.call(url, '');
      caller.send({
        type: 'session.update',
        session: { instructions: `${nameOf(number)}:`, audio: { input: { turn_detection: null } } },
      });
      return { caller, name: nameOf(number), number };
    }),
  );
  const all = (is: (one: (typeof callers)[number]) => boolean, what: string) =>
    until(async () => callers.every(is), {
      timeoutMs: 15_000,
      what: `${what} of ${callers.filter((one) => !is(one)).map(({ name }) => name)}`,
    });

  // Half of them speak, half of them type; a third asks beside the conversation too.
  for (const { caller, name, number } of callers) {
    if (number % 2 === 0) {
      caller.send({ type: 'input_audio_buffer.append', audio: lettersToAudio(`it is ${name}`) });
      caller.send({ type: 'input_audio_buffer.commit' });
      caller.send({ type: 'response.create' });
    } else caller.say(`it is ${name}`);
    if (number % 3 === 0) {
      const content = [{ type: 'input_text', text: `aside of ${name}` }];
      const input = [{ type: 'message', role: 'user', content }];
      const response = { conversation: 'none', output_modalities: ['text'], input };
      caller.send({ type: 'response.create', response });
    }
  }
  const answers = (number: number) => (number % 3 === 0 ? 2 : 1);
  await all(({ caller, number }) => caller.all('response.done').length === answers(number), 'the answers');
  for (const { caller, name, number } of callers) {
    expect(spoken(caller)).toBe(`${name}: You said: it is ${name}.`);
    const others = texts(caller)
      .match(/caller \d{3}/g)
      ?.filter((found) => found !== name);
    expect(others).toEqual([]);
    const statuses = caller
      .all('response.done')
      .map(({ response }) => (response as { status: string }).status);
    expect(statuses).toEqual(Array(answers(number)).fill('completed'));
  }

  // Everybody is in the middle of an answer, or of two; then they go, each in his way.
  for (const { caller, number } of callers) {
    caller.say('slowly');
    if (number % 5 === 0) caller.send({ type: 'response.create', response: { conversation: 'none' } });
  }
  await all(({ caller, name }) => spoken(caller).includes(`${name}: slowly`), 'the long answers');
  const ways: readonly ((caller: Caller) => void)[] = [
    (caller) => caller.socket.close(1000),
    (caller) => caller.socket.terminate(),
    (caller) => {
      caller.send({ type: 'response.cancel' });
      caller.socket.close(1000);
    },
    (caller) => {
      caller.send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content: [] } });
      caller.socket.terminate();
    },
  ];
  // 73 and 200 have no divisor in common: each goes once, in an order that is not that of the coming.
  for (let turn = 0; turn < count; turn += 1) {
    const leaving = callers[(turn * 73) % count];
    if (leaving) ways[leaving.number % ways.length]?.(leaving.caller);
  }
  await all(({ caller }) => caller.closed !== undefined, 'the end');
  await until(async () => JSON.stringify(await shape(gateway)) === JSON.stringify(before), {
    timeoutMs: 5000,
    what: 'the tree of scopes to be as before',
  });
  const busy = async () => {
    const { data } = (await gateway.json('/api/engines')).body as {
      readonly data: { activeCalls: number }[];
    };
    return data.some(({ activeCalls }) => activeCalls > 0);
  };
  await until(async () => !(await busy()), { timeoutMs: 3000, what: 'the engines to have no call' });
  // It is as good as new.
  await using last = await Caller.call(url, '');
  last.say('Are you there?');
  await last.event('response.done');
  expect(spoken(last)).toBe('You said: Are you there?.');
}, 60_000);
