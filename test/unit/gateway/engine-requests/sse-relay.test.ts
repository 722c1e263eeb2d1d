import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SseRelay, type StreamKind } from '../../../../src/gateway/engine-requests/sse-relay.ts';

const event = (data: unknown) => `data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`;
const chunk = (delta: object, finish: string | null = null) =>
  event({ choices: [{ index: 0, delta, finish_reason: finish }] });
const role = chunk({ role: 'assistant', content: '' });
const word = chunk({ content: 'Hel' });
const stop = chunk({}, 'stop');
const done = event('[DONE]');
const usage = event({ choices: [], usage: { completion_tokens: 1 } });

function passed(
  body: string,
  options: { kind?: StreamKind; how?: 'ended' | 'lost'; cuts?: readonly number[] } = {},
) {
  const { kind = 'tokens', how = 'ended', cuts = [] } = options;
  const relay = new SseRelay(kind);
  const bytes = Buffer.from(body);
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b);
  const out = ends.map((to, index) => relay.push(bytes.subarray(ends[index - 1] ?? 0, to)));
  const { end, rest } = relay.end(how);
  return { end, text: Buffer.concat([...out, rest]).toString() };
}

describe('a stream of tokens', () => {
  test.each([
    ['one', role + word + stop + done],
    [
      'one that only calls a tool',
      role + chunk({ tool_calls: [{ index: 0, id: 'a' }] }) + chunk({}, 'tool_calls') + done,
    ],
    ['one that only thinks', role + chunk({ reasoning_content: 'hm' }) + stop + done],
    ['one that refuses', chunk({ refusal: 'no' }) + stop + done],
    [
      'a completion',
      event({ choices: [{ text: 'x', finish_reason: null }] }) +
        event({ choices: [{ text: '', finish_reason: 'length' }] }) +
        done,
    ],
    ['one without [DONE]', role + word + stop],
    ['one with [DONE] alone', role + word + done],
    ['one whose counts come last', role + word + stop + usage],
    ['one with comments', `: ping\n\n${role}${word}: ping\n\n${stop}${done}`],
    ['one with CRLF', (role + word + stop + done).replaceAll('\n', '\r\n')],
    ['one whose last empty line is missing', `${role + word + stop}data: [DONE]\n`],
    [
      'one with spaces in its JSON',
      `data: { "choices": [ { "delta": { "content": "x" }, "finish_reason" : "stop" } ] }\n\n`,
    ],
    [
      'one that talks of its own end',
      role + chunk({ content: 'data: [DONE] "finish_reason":"stop"' }) + stop,
    ],
  ])('that is whole passes byte for byte: %s', (_, body) => {
    expect(passed(body)).toEqual({ end: 'whole', text: body });
  });

  test.each([
    ['nothing at all', '', ''],
    ['comments alone', ': ping\n\n', ': ping\n\n'],
    ['who speaks, and no word', role + stop + done, role + stop],
    ['[DONE] alone', done, ''],
    [
      'empty words',
      role + chunk({ content: null, tool_calls: [] }) + stop + usage + done,
      role + chunk({ content: null, tool_calls: [] }) + stop + usage,
    ],
    [
      'an empty completion',
      event({ choices: [{ text: '', finish_reason: 'stop' }] }) + done,
      event({ choices: [{ text: '', finish_reason: 'stop' }] }),
    ],
  ])('that says nothing does not get its last word: %s', (_, body, text) => {
    expect(passed(body)).toEqual({ end: 'no_output', text });
  });

  test.each([
    ['ends without an end', role + word, 'ended', role + word],
    ['is lost', role + word, 'lost', role + word],
    ['is lost after its reason to finish', role + word + stop, 'lost', role + word + stop],
    ['is lost in an event', `${role + word}data: {"choices":[{"delta":{"con`, 'lost', role + word],
    ['is lost before a word', role, 'lost', role],
    [
      'only talks of an end',
      role + chunk({ content: '\ndata: [DONE]\n "finish_reason":"stop"' }),
      'ended',
      undefined,
    ],
  ] as const)('that %s is cut', (_, body, how, text) => {
    expect(passed(body, { how })).toEqual({ end: 'cut', text: text ?? body });
  });

  test('that is lost after its last word was whole', () => {
    expect(passed(role + word + stop + done, { how: 'lost' }).end).toBe('whole');
  });

  test('that tells an error itself needs no other', () => {
    const body = role + word + event({ error: { message: 'out of context' } });
    expect(passed(body)).toEqual({ end: 'told', text: body });
    expect(passed(body, { how: 'lost' })).toEqual({ end: 'told', text: body });
    const early = event({ error: { message: 'no slot' } });
    expect(passed(early)).toEqual({ end: 'told', text: early });
  });

  test('is judged the same, and passes the same, however it is cut; only whole events go on', () => {
    const events = fc.array(
      fc.constantFrom(role, word, stop, usage, ': ping\n\n', chunk({ content: 'x'.repeat(100_000) })),
      { maxLength: 8 },
    );
    const cuts = fc.array(fc.nat(300_000), { maxLength: 8 });
    fc.assert(
      fc.property(
        events,
        fc.constantFrom('', done),
        cuts,
        fc.constantFrom('ended', 'lost'),
        (parts, last, at, how) => {
          const body = parts.join('') + last;
          const cut = passed(body, { cuts: at, how });
          expect(cut).toEqual(passed(body, { how }));
          expect(body.startsWith(cut.text)).toBe(true);
          expect(cut.text === '' || cut.text.endsWith('\n\n')).toBe(true);
        },
      ),
    );
  });

  test('passes an event without end before it is whole', () => {
    const relay = new SseRelay('tokens');
    let bytes = 0;
    for (let count = 0; count < 40; count += 1) bytes += relay.push(Buffer.alloc(65_536, 'x')).length;
    expect(bytes).toBeGreaterThan(1024 * 1024);
  });
});

describe('any other stream', () => {
  test('passes, and is cut only by its connection', () => {
    const body = 'event: a\ndata: 1\n\nevent: b\ndata: 2\n\n';
    expect(passed(body, { kind: 'plain' })).toEqual({ end: 'whole', text: body });
    expect(passed(body, { kind: 'plain', how: 'lost' })).toEqual({ end: 'cut', text: body });
    expect(passed('', { kind: 'plain' })).toEqual({ end: 'no_output', text: '' });
  });
});
