import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatListen, isLoopback, parseListen } from '../../../src/config/listen.ts';

test.each([
  ['127.0.0.1:7460', '127.0.0.1', 7460],
  ['[::1]:7460', '::1', 7460],
  [':7460', '127.0.0.1', 7460],
  ['7460', '127.0.0.1', 7460],
  [7460, '127.0.0.1', 7460],
  ['localhost:0', 'localhost', 0],
  ['my-host.example:80', 'my-host.example', 80],
  ['0.0.0.0:80', '0.0.0.0', 80],
])('%s is the address %s, port %d', (written, host, port) => {
  expect(parseListen(written)).toEqual({ ok: true, value: { host, port } });
});

test.each([
  ['unix:/tmp/x.sock', 'the door has no unix socket'],
  ['/tmp/x.sock', 'the door has no unix socket'],
  ['http://127.0.0.1:7460', 'write the host and port alone'],
  ['::1:7460', 'an IPv6 address needs brackets'],
  ['::1', 'an IPv6 address needs brackets'],
  ['[::x]:7460', 'between the brackets stands an IPv6 address'],
  ['[127.0.0.1]:7460', 'between the brackets stands an IPv6 address'],
  ['localhost', 'the port is missing'],
  ['localhost:', 'expected an address such as 127.0.0.1:7460'],
  ['localhost:http', 'expected an address such as 127.0.0.1:7460'],
  ['127.0.0.1:65536', 'a port is from 0 to 65535, got 65536'],
  [-1, 'the port is missing'],
  ['*:80', 'write 0.0.0.0:80 or [::]:80'],
  ['a b:80', '"a b" is no host name'],
  ['-x:80', '"-x" is no host name'],
  [undefined, 'expected an address such as 127.0.0.1:7460'],
  [{}, 'expected an address such as 127.0.0.1:7460'],
])('%j is refused with what to write instead', (written, problem) => {
  expect(parseListen(written)).toEqual({ ok: false, problem: expect.stringContaining(problem) });
});

test('every address is read back as it was written', () => {
  const hosts = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain());
  fc.assert(
    fc.property(hosts, fc.integer({ min: 0, max: 65_535 }), (host, port) => {
      expect(parseListen(formatListen({ host, port }))).toEqual({ ok: true, value: { host, port } });
    }),
  );
});

test('only what certainly stays on this machine counts as loopback', () => {
  const inside = [
    '127.0.0.1',
    '127.8.9.1',
    '::1',
    'localhost',
    'LOCALHOST',
    'api.localhost',
    '::ffff:127.0.0.1',
  ];
  const outside = [
    '0.0.0.0',
    '::',
    '127.evil.example',
    '127.1',
    '10.0.0.1',
    '::ffff:10.0.0.1',
    'localhost.example',
  ];
  expect(inside.filter((host) => !isLoopback(host))).toEqual([]);
  expect(outside.filter(isLoopback)).toEqual([]);
});
