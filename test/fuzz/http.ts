// Random requests on raw sockets: torn, doubled, mislabelled, in pieces. What is answered is HTTP with the one error
// body or a documented answer; what is not is closed; the gateway lives and answers the next one.
import type { GatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';
import { RawSocket } from '../support/raw-socket.ts';
import { seeded, someText } from './mutate.ts';

type Random = (below: number) => number;

const one = <T>(list: readonly T[], random: Random): T => list[random(list.length)] as T;

const paths = [
  '/healthz',
  '/readyz',
  '/v1/health',
  '/v1/models',
  '/api/tree',
  '/api/sessions',
  '/openapi.json',
  '/v1/chat/completions',
  '/v1/audio/speech',
  '/v1/audio/transcriptions',
  '/engines/voice/x',
];
const oddPaths = [
  '*',
  '/',
  '//',
  '/%',
  '/%00',
  '/..',
  '/a?b=%zz',
  'http://[',
  'https://localhost/healthz',
  '',
];
const headers = (random: Random) => [
  'Connection: close',
  'Connection: keep-alive',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Upgrade: h2c',
  'Expect: 100-continue',
  'Expect: nonsense',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: gzip, chunked',
  `Content-Length: ${one(['0', '3', '-1', 'x', '99999999999', '3, 3'], random)}`,
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  `Authorization: ${someText(random(1e6)).replace(/[\r\n]/g, '')}`,
  `X-${random(9)}: ${'y'.repeat(random(2) ? 10 : 17_000)}`,
  ' folded: line',
  'no colon',
  ': empty',
];

function request(random: Random): string {
  const method = one(
    ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'CONNECT', 'TRACE', 'get', ''],
    random,
  );
  const path = random(3) ? one(paths, random) : one(oddPaths, random);
  const version = random(9) ? 'HTTP/1.1' : one(['HTTP/1.0', 'HTTP/2.0', 'HTTP/9', 'ICY'], random);
  const lines = [`${method} ${path} ${version}`];
  if (random(8))
    lines.push(`Host: ${one(['localhost', '127.0.0.1', 'evil.example', '', 'a b', '[::1'], random)}`);
  for (let count = random(5); count > 0; count -= 1) lines.push(one(headers(random), random));
  const end = random(12) ? '\r\n' : '\n';
  const body = one(['', 'abc', '3\r\nabc\r\n0\r\n\r\n', '{"a":1}', 'zz\r\n'], random);
  return `${lines.join(end)}${end}${end}${body}`;
}

/** @returns how many requests were answered and closed @throws Error with the seed that found something */
export async function fuzzHttp(
  gateway: GatewayProcess,
  options: { readonly seed: number; readonly untilMs: number },
) {
  const url = await gateway.url();
  const found = { answered: 0, closed: 0 };
  for (let { seed } = options; performance.now() < options.untilMs; seed += 1) {
    const random = seeded(seed);
    await using raw = await RawSocket.dial(url);
    const text = request(random) + (random(4) ? '' : request(random));
    // In pieces, sometimes cut short.
    const whole = random(5) ? text.length : random(text.length);
    const half = random(whole + 1);
    raw.write(text.slice(0, half));
    raw.write(text.slice(half, whole));
    raw.socket.end();
    await until(() => raw.state === 'closed' || raw.text.startsWith('HTTP/1.1 101'), {
      timeoutMs: 15_000,
      what: `http seed ${seed}: an end to ${JSON.stringify(text)} (so far ${JSON.stringify(raw.text)})`,
    });
    if (raw.text === '') found.closed += 1;
    else found.answered += 1;
    judge(raw.text, seed, text);
    if (gateway.child.exitCode !== null || gateway.stderr !== '')
      throw new Error(`http seed ${seed}: ${JSON.stringify(text)}: the gateway said ${gateway.stderr}`);
  }
  return found;
}

function judge(answer: string, seed: number, text: string): void {
  if (answer === '' || answer.startsWith('HTTP/1.1 101') || answer.startsWith('HTTP/1.1 100')) return;
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1];
  const known = [
    '200',
    '202',
    '400',
    '401',
    '403',
    '404',
    '405',
    '408',
    '413',
    '417',
    '426',
    '431',
    '501',
    '502',
    '503',
  ];
  if (!status || !known.includes(status))
    throw new Error(`http seed ${seed}: ${JSON.stringify(text)} was answered ${JSON.stringify(answer)}`);
}
