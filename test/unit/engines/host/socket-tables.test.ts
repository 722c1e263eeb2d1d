// The kernel's tables, as captured on a machine.
import { endianness } from 'node:os';
import { describe, expect, test } from 'vitest';
import { OrderSeen } from '../../../../src/engines/host/read-tables.ts';
import {
  askedAddress,
  bars,
  parseTcpRow,
  parseUnixRow,
  plainAddress,
  rankOf,
} from '../../../../src/engines/host/socket-tables.ts';

const heading =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';
const listening =
  '   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 123456 1 0000000026a09fc1 100 0 0 10 0                      ';
const waiting =
  '   1: 0100007F:A58D 0100007F:9EE8 06 00000000:00000000 03:0000151C 00000000     0        0 0 3 0000000062c94282                                      ';
const connected =
  '   9: 0100007F:1F90 0100007F:9EE8 01 00000000:00000000 00:00000000 00000000  1000        0 2885331 1 000000007fcd8d16 20 4 30 10 -1                    ';
const tcp6 = (address: string, inode = '777') =>
  `   0: ${address}:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0000000053c64dbe 100 0 0 10 0`;
const little = endianness() === 'LE';

describe.skipIf(!little)('a line of /proc/net/tcp (of a little-endian machine)', () => {
  test('that listens', () => {
    expect(parseTcpRow(listening, 4)).toEqual({
      ...{ family: 4, address: '127.0.0.1', port: 8080, state: 'listening', uid: 1000, inode: '123456' },
    });
  });

  test.each([
    ['waits for stray packets', waiting, 'waiting', '0'],
    ['is connected', connected, 'connected', '2885331'],
  ])('that %s', (_, line, state, inode) => {
    expect(parseTcpRow(line, 4)).toMatchObject({ state, inode, address: '127.0.0.1' });
  });

  test.each([
    ['every address', '00000000000000000000000000000000', '::'],
    ['loopback', '00000000000000000000000001000000', '::1'],
    ['an address', 'B80D0120000000000000000001000000', '2001:db8::1'],
    ['an IPv4 address', '0000000000000000FFFF00000100007F', '127.0.0.1'],
    ['every IPv4 address', '0000000000000000FFFF000000000000', '0.0.0.0'],
  ])('of IPv6, on %s', (_, hex, address) => {
    expect(parseTcpRow(tcp6(hex), 6)).toMatchObject({ family: 6, address, port: 8080, inode: '777' });
  });

  test.each([
    ['the heading', heading, 4],
    ['nothing', '', 4],
    ['half a line', listening.slice(0, 60), 4],
    ['a line of the other table', listening, 6],
  ] as const)('that is none: %s', (_, line, family) => {
    expect(parseTcpRow(line, family)).toBeUndefined();
  });
});

describe('a line of /proc/net/unix', () => {
  const line = (flags: string, path: string) =>
    `0000000072ccdc2b: 00000002 00000000 ${flags} 0001 01 1142${path}`;

  test('that listens, with blanks in its path', () => {
    const path = '/run/my engine/x.sock';
    expect(parseUnixRow(line('00010000', ` ${path}`))).toEqual({ path, state: 'listening', inode: '1142' });
  });

  test('that is connected', () => {
    expect(parseUnixRow(line('00000000', ' /run/x.sock'))).toMatchObject({ state: 'other' });
  });

  test.each([
    ['has no path', line('00010000', '')],
    ['is the heading', 'Num       RefCount Protocol Flags    Type St Inode Path'],
  ])('that %s is of no interest', (_, text) => {
    expect(parseUnixRow(text)).toBeUndefined();
  });
});

describe('who answers', () => {
  const four = (address: string) => ({ family: 4, address }) as const;
  const six = (address: string) => ({ family: 6, address }) as const;
  const first = (asked: string, ...rows: readonly ReturnType<typeof four | typeof six>[]) =>
    [...rows].filter((row) => rankOf(row, asked) > 0).sort((a, b) => rankOf(b, asked) - rankOf(a, asked))[0];

  test.each([
    ['an exact one before one for every address', '127.0.0.1', [four('0.0.0.0'), four('127.0.0.1')], 1],
    [
      'the one of IPv4 before the same address within IPv6',
      '127.0.0.1',
      [six('127.0.0.1'), four('127.0.0.1')],
      1,
    ],
    [
      'an exact one within IPv6 before every IPv4 address',
      '127.0.0.1',
      [four('0.0.0.0'), six('127.0.0.1')],
      1,
    ],
    ['every IPv4 address before every IPv6 one', '127.0.0.1', [six('::'), four('0.0.0.0')], 1],
    ['every IPv6 address, where there is nothing else', '127.0.0.1', [six('::1'), six('::')], 1],
    ['of IPv6, an exact one before every one', '::1', [six('::'), six('::1'), four('127.0.0.1')], 1],
  ])('%s', (_, asked, rows, at) => {
    expect(first(asked, ...rows)).toBe(rows[at]);
  });

  test.each([
    ['127.0.0.1', [four('127.0.0.2'), six('::1')]],
    ['::1', [four('0.0.0.0'), four('127.0.0.1'), six('2001:db8::1')]],
  ])('at %s nobody who listens elsewhere', (asked, rows) => {
    expect(first(asked, ...rows)).toBeUndefined();
  });

  test('keeps others from listening where it does, and on every address', () => {
    expect(bars(four('127.0.0.1'), '127.0.0.1')).toBe(true);
    expect(bars(four('127.0.0.1'), '0.0.0.0')).toBe(true);
    expect(bars(six('::'), '127.0.0.1')).toBe(true);
    expect(bars(four('127.0.0.2'), '127.0.0.1')).toBe(false);
  });
});

describe('an address', () => {
  test.each([
    ['127.0.0.1', '127.0.0.1'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['::FFFF:127.0.0.1', '127.0.0.1'],
    ['::ffff:a00:1', '10.0.0.1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['localhost', undefined],
  ])('%s has one spelling', (written, plain) => {
    expect(plainAddress(written)).toBe(plain);
  });

  test('for every one of a machine is asked at its loopback', () => {
    expect(['0.0.0.0', '::', '10.0.0.1'].map(askedAddress)).toEqual(['127.0.0.1', '::1', '10.0.0.1']);
  });
});

describe('the order of a table', () => {
  const seen = (...lines: readonly string[]) => {
    const order = new OrderSeen();
    for (const line of lines) order.line(line);
    return order.order;
  };

  test('is Linux’s where all listeners come first', () => {
    expect(seen(heading, listening, listening, waiting, connected)).toBe('listeners first');
  });

  test('is any where one comes later', () => {
    expect(seen(heading, listening, waiting, listening, connected)).toBe('any');
    expect(seen(waiting, tcp6('00000000000000000000000000000000'))).toBe('any');
  });

  test('is unknown where there is one kind alone', () => {
    expect([seen(heading), seen(listening), seen(connected, waiting)]).toEqual(
      Array.from({ length: 3 }, () => 'unknown'),
    );
  });
});
