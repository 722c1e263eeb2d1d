// Everything a caller gives is checked at the moment it is given, and refused in words.
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { type ConnectOptions, connect, encodeAudio, GreenroomError } from '../../../src/client/index.ts';
import { checkedOptions } from '../../../src/client/options.ts';
import { keepDefaults } from '../../../src/client/outgoing.ts';
import { reconnectDefaults } from '../../../src/client/retry.ts';
import { until } from '../../support/poll.ts';
import { fakeGateway } from './fake-gateway.ts';

const url = 'ws://127.0.0.1:9';

/** What a page without types may give. */
function untyped(options: unknown): ConnectOptions {
  return options as ConnectOptions;
}

function refusal(work: () => unknown): string {
  try {
    work();
  } catch (thrown) {
    if (thrown instanceof GreenroomError) return `${thrown.code}: ${thrown.message}`;
    throw thrown;
  }
  return 'accepted';
}

const ms = 'a number of ms from 0 to 2147483647';
const bound = 'a finite number from 0 on';

describe('an option', () => {
  const refusals: [unknown, string][] = [
    [undefined, 'options: expected an object, got undefined'],
    ['ws://h', 'options: expected an object, got "ws://h"'],
    [{}, 'url: expected a string, got undefined'],
    [{ url: null }, 'url: expected a string, got null'],
    [{ url: 7 }, 'url: expected a string, got 7'],
    [{ url, model: 5 }, 'model: expected a string, got 5'],
    [{ url, token: 123_456 }, 'token: expected a string, got number'],
    [{ url, notices: 'no' }, 'notices: expected true or false, got "no"'],
    [{ url, reconnect: null }, 'reconnect: expected true, false or an object, got null'],
    [{ url, reconnect: 'yes' }, 'reconnect: expected true, false or an object, got "yes"'],
    [
      { url, reconnect: { attempts: Number.NaN } },
      'reconnect.attempts: expected a number from 0 on, got NaN',
    ],
    [{ url, reconnect: { totalMs: '9' } }, 'reconnect.totalMs: expected a number from 0 on, got "9"'],
    [{ url, reconnect: { firstMs: -1 } }, `reconnect.firstMs: expected ${ms}, got -1`],
    [
      { url, reconnect: { maxMs: Number.POSITIVE_INFINITY } },
      `reconnect.maxMs: expected ${ms}, got Infinity`,
    ],
    [
      { url, reconnect: { tries: 5 } },
      'reconnect.tries: unknown; there are attempts, totalMs, firstMs, maxMs',
    ],
    [{ url, onShutdown: () => undefined }, 'onShutdown: expected "end" or "wait", got a function'],
    [{ url, keep: null }, 'keep: expected an object, got null'],
    [{ url, keep: [] }, 'keep: expected an object, got an Array'],
    [{ url, keep: { audioMs: Number.NaN } }, `keep.audioMs: expected ${bound}, got NaN`],
    [
      { url, keep: { audioBytes: Number.POSITIVE_INFINITY } },
      `keep.audioBytes: expected ${bound}, got Infinity`,
    ],
    [{ url, keep: { lines: '3' } }, `keep.lines: expected ${bound}, got "3"`],
    [{ url, keep: { characters: -1 } }, `keep.characters: expected ${bound}, got -1`],
    [{ url, signal: {} }, 'signal: expected an AbortSignal, got an Object'],
    [{ url, signal: new EventTarget() }, 'signal: expected an AbortSignal, got an EventTarget'],
    [{ url, WebSocket: 'ws' }, 'WebSocket: expected a class, got "ws"'],
    [{ url, openTimeoutMs: Number.POSITIVE_INFINITY }, `openTimeoutMs: expected ${ms}, got Infinity`],
    [{ url, openTimeoutMs: Number.NaN }, `openTimeoutMs: expected ${ms}, got NaN`],
    [{ url, openTimeoutMs: -5 }, `openTimeoutMs: expected ${ms}, got -5`],
    [{ url, closeGraceMs: 2 ** 31 }, `closeGraceMs: expected ${ms}, got 2147483648`],
    [{ url, closeGraceMs: 10n }, `closeGraceMs: expected ${ms}, got 10`],
    [
      { url, onshutdown: 'wait' },
      'onshutdown: unknown; there are url, model, token, notices, reconnect, resume, onShutdown, keep, signal, ' +
        'WebSocket, openTimeoutMs, closeGraceMs',
    ],
  ];
  test.each(refusals.map(([options, message]) => [message, options]))(
    'is refused: %s',
    (message, options) => {
      expect(refusal(() => connect(untyped(options)))).toBe(`bad_usage: ${message}`);
    },
  );

  test('that is undefined is the default, deep down too', () => {
    const given = { url, model: undefined, signal: undefined, openTimeoutMs: undefined, nothing: undefined };
    const { keep, life } = checkedOptions(
      untyped({ ...given, keep: { audioMs: undefined, lines: 3 }, reconnect: { attempts: undefined } }),
    );
    expect(keep).toEqual({ ...keepDefaults, lines: 3 });
    expect(life).toMatchObject({ reconnect: reconnectDefaults, openTimeoutMs: 15_000, shutdown: 'end' });
  });

  test('may be infinite where that has a meaning, and waiting needs one who comes back', () => {
    const endless = { attempts: Number.POSITIVE_INFINITY, totalMs: Number.POSITIVE_INFINITY };
    expect(checkedOptions({ url, reconnect: endless }).life.reconnect).toMatchObject(endless);
    expect(checkedOptions({ url, onShutdown: 'wait' }).life.shutdown).toBe('wait');
    expect(checkedOptions({ url, onShutdown: 'wait', reconnect: false }).life.shutdown).toBe('end');
  });

  test('that is a signal or a socket class of another frame is as good', () => {
    const signal = {
      aborted: false,
      addEventListener: () => undefined,
      removeEventListener: () => undefined,
    };
    expect(checkedOptions(untyped({ url, signal })).signal).toBe(signal);
  });
});

const cycle: Record<string, unknown> = {};
cycle['tools'] = [cycle];

type Given = [string, (connection: ReturnType<typeof connect>) => unknown, string];

/** What a page without types may call, and what it is told. */
const calls: Given[] = [
  [
    'append an ArrayBuffer',
    (c) => c.append(new ArrayBuffer(8) as never),
    'pcm: expected an Int16Array, got an ArrayBuffer',
  ],
  [
    'append a Float32Array',
    (c) => c.append(new Float32Array(8) as never),
    'pcm: expected an Int16Array, got a Float32Array',
  ],
  ['append nothing', (c) => c.append(undefined as never), 'pcm: expected an Int16Array, got undefined'],
  [
    'encode a Float32Array',
    () => encodeAudio(new Float32Array(8) as never),
    'pcm: expected an Int16Array, got a Float32Array',
  ],
  ['say a number', (c) => c.say(5 as never), 'text: expected a string, got 5'],
  ['configure nothing', (c) => c.configure(undefined as never), 'session: expected an object, got undefined'],
  ['configure an array', (c) => c.configure([] as never), 'session: expected an object, got an Array'],
  ['send nothing', (c) => c.send(undefined as never), 'event: expected an object with a type, got undefined'],
  ['send no type', (c) => c.send({} as never), 'event: expected an object with a type, got an Object'],
  [
    'listen with nothing',
    (c) => c.on('event', undefined as never),
    'listener: expected a function, got undefined',
  ],
  [
    'listen to nothing',
    (c) => c.on(undefined as never, () => undefined),
    'type: expected a string, got undefined',
  ],
  ['ask with a string', (c) => c.createResponse('now' as never), 'response: expected an object, got "now"'],
  ['close with 1001', (c) => c.close(1001), 'code: expected 1000 or 3000 to 4999, got 1001'],
  ['close with 3000.5', (c) => c.close(3000.5), 'code: expected 1000 or 3000 to 4999, got 3000.5'],
  ['close with no reason', (c) => c.close(1000, null as never), 'reason: expected a string, got null'],
];
/** What JSON cannot say is looked for when it is to be sent or remembered. */
const jsonCalls: Given[] = [
  [
    'configure a cycle',
    (c) => c.configure(cycle),
    'session.update: expected what JSON can say: Converting circular structure to JSON',
  ],
  [
    'configure a BigInt',
    (c) => c.configure({ max_output_tokens: 5n as never }),
    'session.update: expected what JSON can say: Do not know how to serialize a BigInt',
  ],
  [
    'configure no number',
    (c) => c.configure({ audio: { output: { speed: Number.NaN } } }),
    'session.update: expected what JSON can say: speed is NaN',
  ],
  [
    'configure what says nothing',
    (c) => c.configure({ toJSON: () => 'Be brief.' } as never),
    'session: expected an object, got "Be brief."',
  ],
];
/** These need a connection that is open. */
const openCalls: Given[] = [
  [
    'send a cycle',
    (c) => c.send({ type: 'response.create', response: cycle as never }),
    'response.create: expected what JSON can say: Converting circular structure to JSON',
  ],
  [
    'update with a cycle',
    (c) => c.send({ type: 'session.update', session: cycle }),
    'session.update: expected what JSON can say: Converting circular structure to JSON',
  ],
  [
    'update with nothing',
    (c) => c.send({ type: 'session.update' } as never),
    'session: expected an object, got undefined',
  ],
  [
    'ask with a BigInt',
    (c) => c.createResponse({ max_output_tokens: 5n as never }),
    'response.create: expected what JSON can say: Do not know how to serialize a BigInt',
  ],
];

describe('what is given to a connection', () => {
  test.each(calls)('is checked whatever its state: %s', async (_what, call, message) => {
    await using gateway = await fakeGateway();
    const connection = connect({ url: gateway.url });
    expect(refusal(() => call(connection))).toBe(`bad_usage: ${message}`);
    await connection.opened;
    expect(refusal(() => call(connection))).toBe(`bad_usage: ${message}`);
    await connection.close();
    expect(refusal(() => call(connection))).toBe(`bad_usage: ${message}`);
  });

  test.each(jsonCalls)('is checked before it is remembered: %s', async (_what, call, message) => {
    await using gateway = await fakeGateway();
    await using connection = connect({ url: gateway.url });
    expect(refusal(() => call(connection))).toBe(`bad_usage: ${message}`);
    await connection.opened;
    expect(refusal(() => call(connection))).toBe(`bad_usage: ${message}`);
  });

  test.each(openCalls)('is checked before it is sent: %s', async (_what, call, message) => {
    await using gateway = await fakeGateway();
    await using connection = connect({ url: gateway.url });
    await connection.opened;
    expect(refusal(() => call(connection))).toBe(`bad_usage: ${message}`);
  });

  test('and refused is not remembered: the next session is asked for what was good, as it was then', async () => {
    await using gateway = await fakeGateway();
    await using connection = connect({ url: gateway.url, reconnect: { firstMs: 1 } });
    const good = { instructions: 'Be brief.' };
    connection.configure(good);
    expect(refusal(() => connection.configure(cycle))).toContain('bad_usage');
    await connection.opened;
    good.instructions = 'changed later';
    gateway.calls[0]?.socket.terminate();
    const received = () => gateway.calls[1]?.received;
    await until(() => received()?.length, { timeoutMs: 3000, what: 'the update of the next session' });
    expect(received()).toEqual([
      { type: 'session.update', event_id: 'client_1', session: { instructions: 'Be brief.' } },
    ]);
  });

  test('may come from another frame of the page', async () => {
    await using gateway = await fakeGateway();
    await using connection = connect({ url: gateway.url });
    const foreign = { [Symbol.toStringTag]: 'Int16Array' };
    expect(refusal(() => connection.append(foreign as never))).toContain('bad_usage');
    expect(connection.append(runInNewContext('new Int16Array(480)') as Int16Array)).toBe('kept');
  });
});
