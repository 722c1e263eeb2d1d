import { describe, expect, test } from 'vitest';
import { httpUrl, realtimeUrl, shownUrl, subprotocols } from '../../../src/client/address.ts';
import { Audience } from '../../../src/client/audience.ts';
import { EventStream, eventCharacters, unreadCharactersMax } from '../../../src/client/event-stream.ts';
import {
  type ClientEvent,
  type ConnectionEvent,
  decodeAudio,
  encodeAudio,
  type ReceivedEvent,
} from '../../../src/client/index.ts';
import { type ClientEvent as ParsedEvent, parseClientEvent } from '../../../src/wire/client-events.ts';

const text = { type: 'input_text', text: 'Hello.' } as const;

/** One of each type of today; the compiler says when one is missing. */
const samples: {
  readonly [T in Exclude<ParsedEvent['type'], 'transcription_session.update'>]: ClientEvent & {
    readonly type: T;
  };
} = {
  'session.update': {
    type: 'session.update',
    session: {
      type: 'realtime',
      output_modalities: ['text'],
      instructions: 'Be brief.',
      tools: [{ type: 'function', name: 'f' }],
      max_output_tokens: 'inf',
      audio: {
        input: {
          format: { type: 'audio/pcm', rate: 24000 },
          turn_detection: { type: 'server_vad', silence_duration_ms: 300, interrupt_response: false },
        },
        output: { voice: 'slt', speed: 1 },
      },
    },
  },
  'input_audio_buffer.append': { type: 'input_audio_buffer.append', audio: 'AAAA' },
  'input_audio_buffer.commit': { type: 'input_audio_buffer.commit', event_id: 'client_1' },
  'input_audio_buffer.clear': { type: 'input_audio_buffer.clear' },
  'conversation.item.create': {
    type: 'conversation.item.create',
    previous_item_id: 'root',
    item: { type: 'message', role: 'user', content: [text, { type: 'input_audio', audio: 'AAAA' }] },
  },
  'conversation.item.retrieve': { type: 'conversation.item.retrieve', item_id: 'item_1' },
  'conversation.item.delete': { type: 'conversation.item.delete', item_id: 'item_1' },
  'conversation.item.truncate': {
    type: 'conversation.item.truncate',
    item_id: 'item_1',
    content_index: 0,
    audio_end_ms: 120,
  },
  'response.create': {
    type: 'response.create',
    response: {
      ...{ output_modalities: ['audio'], instructions: 'Whisper.', conversation: 'none' },
      input: [{ type: 'item_reference', id: 'item_1' }],
    },
  },
  'response.cancel': { type: 'response.cancel', response_id: 'resp_1' },
  'output_audio_buffer.clear': { type: 'output_audio_buffer.clear' },
};

const event = (id: string) => ({ type: 'session.created', event_id: id }) as ReceivedEvent;

describe('what the client sends', () => {
  test.each(Object.values(samples))("$type is understood by the gateway's own parser", (sample) => {
    expect(parseClientEvent(JSON.stringify(sample))).toMatchObject({ state: 'event', event: sample });
  });

  test('samples survive base64 both ways, in a browser too', () => {
    const pcm = Int16Array.from({ length: 20_001 }, (_, index) => (index * 7919) % 65_536);
    const whole = encodeAudio(pcm);
    const { Buffer: kept } = globalThis;
    // @ts-expect-error A page has none.
    globalThis.Buffer = undefined;
    const inBrowser = encodeAudio(pcm);
    globalThis.Buffer = kept;
    expect(inBrowser).toBe(whole);
    expect(decodeAudio(whole)).toEqual(pcm);
    expect(decodeAudio(encodeAudio(pcm.subarray(1, 4)))).toEqual(pcm.slice(1, 4));
  });
});

describe('where the client connects', () => {
  test.each([
    ['http://127.0.0.1:7460', 'ws://127.0.0.1:7460/v1/realtime?notices=1'],
    ['https://host/v1/', 'wss://host/v1/realtime?notices=1'],
    ['ws://host/proxy/realtime?a=b#c', 'ws://host/proxy/realtime?a=b&notices=1'],
    ['wss://[::1]:1/', 'wss://[::1]:1/v1/realtime?notices=1'],
  ])('%s is %s', (url, expected) => {
    expect(realtimeUrl({ url })).toBe(expected);
  });

  test('notices can be declined, and the same place is asked over HTTP', () => {
    const url = realtimeUrl({ url: 'wss://host', notices: false, model: 'm' });
    expect(url).toBe('wss://host/v1/realtime?model=m');
    expect(httpUrl(url)).toBe('https://host/v1/realtime?model=m');
  });

  test.each([
    ['localhost:7460', 'expected ws://, wss://, http:// or https://, got localhost:'],
    ['', '"" is not a URL'],
    ['/v1/realtime', 'is not a URL'],
  ])('%j is refused', (url, message) => {
    expect(() => realtimeUrl({ url })).toThrow(message);
  });

  test('a token that cannot be a subprotocol is refused without being shown', () => {
    expect(subprotocols(undefined)).toEqual(['realtime']);
    expect(() => subprotocols('top/secret')).toThrow('its character 4 is "/"');
    expect(shownUrl('ws://h/?a=1&token=x&b=2')).toBe('ws://h/?a=1&token=…&b=2');
    expect(shownUrl('wss://me:x@h:1/p?a=b:c@d')).toBe('wss://me:…@h:1/p?a=b:c@d');
  });
});

describe('a reader of events', () => {
  test('reads what waited, then what comes, then the end', async () => {
    const stream = new EventStream(() => undefined);
    stream.push(event('1'), 1);
    const [first, second] = [stream.next(), stream.next()];
    stream.push(event('2'), 1);
    stream.push(event('3'), 1);
    stream.end();
    expect([await first, await second, await stream.next()].map(({ value }) => value.event_id)).toEqual([
      '1',
      '2',
      '3',
    ]);
    expect(await stream.next()).toEqual({ value: undefined, done: true });
  });

  test('that is too slow is told so after what it could still have', async () => {
    const left: unknown[] = [];
    const stream = new EventStream((who) => left.push(who));
    stream.push(event('1'), unreadCharactersMax - eventCharacters);
    stream.push(event('2'), 0);
    stream.push(event('3'), 1);
    expect(left).toEqual([stream]);
    await stream.next();
    await stream.next();
    await expect(stream.next()).rejects.toMatchObject({ code: 'slow_client' });
    expect(await stream.next()).toEqual({ value: undefined, done: true });
  });

  test('that leaves is forgotten', async () => {
    const left: unknown[] = [];
    const stream = new EventStream((who) => left.push(who));
    stream.push(event('1'), 1);
    for await (const _event of stream) break;
    expect(left).toEqual([stream]);
    expect(await stream.next()).toEqual({ value: undefined, done: true });
  });

  test('of many small events is bounded as well', async () => {
    const stream = new EventStream(() => undefined);
    const most = unreadCharactersMax / eventCharacters;
    for (let at = 0; at <= most + 1; at += 1) stream.push(event('1'), 0);
    for (let at = 0; at <= most; at += 1) await stream.next();
    await expect(stream.next()).rejects.toMatchObject({ code: 'slow_client' });
  });

  test('that leaves while it waits, twice, or after the end is told the end, and nobody else is disturbed', async () => {
    const streams = new Set<EventStream>();
    const [one, two] = [0, 1].map(() => new EventStream((who) => streams.delete(who))) as [
      EventStream,
      EventStream,
    ];
    streams.add(one).add(two);
    const waiting = [one.next(), one.next(), two.next()];
    const end = { value: undefined, done: true };
    expect([await one.return(), await one.return()]).toEqual([end, end]);
    for (const stream of [...streams, one]) stream.push(event('1'), 1);
    expect((await Promise.all(waiting)).map(({ done }) => done)).toEqual([true, true, false]);
    two.push(event('2'), 1);
    two.end();
    expect(await two.next()).toMatchObject({ done: false });
    expect(await two.return()).toEqual(end);
    expect(await two.next()).toEqual(end);
    expect(streams.size).toBe(0);
  });
});

describe('readers and listeners that come and go while it is told', () => {
  test('miss nothing of what comes after they came, and hear nothing after they left', async () => {
    const audience = new Audience();
    audience.begin();
    const heard: string[] = [];
    const name = (event: ConnectionEvent) => ('event_id' in event ? event.event_id : event.type);
    const reader = audience.stream();
    const first = (async () => {
      for await (const one of reader) {
        heard.push(`reader ${name(one)}`);
        break;
      }
    })();
    const off = audience.on('event', (one) => {
      heard.push(`first ${name(one)}`);
      off();
      // In the middle of an event: not told this one any more.
      audience.on('event', (next) => heard.push(`second ${name(next)}`));
    });
    for (const id of ['1', '2', '3']) audience.tell(event(id));
    await first;
    const late = audience.stream();
    audience.tell(event('4'));
    audience.end();
    audience.tell(event('5'));
    for await (const one of late) heard.push(`late ${name(one)}`);
    for await (const one of audience.stream()) heard.push(`after ${name(one)}`);
    expect(heard).toEqual(['first 1', 'second 2', 'second 3', 'reader 1', 'second 4', 'late 4']);
  });
});
