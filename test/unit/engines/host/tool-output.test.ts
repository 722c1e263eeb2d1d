// What lsof and ps write, as captured.
import { describe, expect, test } from 'vitest';
import { parseLsof, parseLsofPlace, parsePs } from '../../../../src/engines/host/tool-output.ts';

describe('lsof', () => {
  test('tells processes with their sockets', () => {
    const text =
      'p4711\ncpython3.11\nu501\nLanna\nf3\ntIPv4\nn127.0.0.1:8080\nf4\ntIPv6\nn[::1]:8080\np99\ncnode\nu0\nLroot\nf20\ntIPv6\nn*:8080\n';
    const found = parseLsof(text);
    expect(found.map(({ pid, command, uid, user }) => [pid, command, uid, user])).toEqual([
      [4711, 'python3.11', 501, 'anna'],
      [99, 'node', 0, 'root'],
    ]);
    expect(found.flatMap(({ files }) => files).map(parseLsofPlace)).toEqual([
      { family: 4, host: '127.0.0.1', port: 8080 },
      { family: 6, host: '::1', port: 8080 },
      { family: 6, host: '::', port: 8080 },
    ]);
  });

  test('tells files: by number, and mapped ones', () => {
    const [found] = parseLsof(
      'p1\ncllama\nftxt\ntREG\nn/models/my model.gguf\nf7\ntREG\nn/models/my model.gguf\n',
    );
    expect(found?.files.map(({ fd, name }) => `${fd} ${name}`)).toEqual([
      'txt /models/my model.gguf',
      '7 /models/my model.gguf',
    ]);
    expect(found?.files.map(parseLsofPlace)).toEqual([undefined, undefined]);
  });

  test('may tell nothing, or what nobody asked for', () => {
    expect([parseLsof(''), parseLsof('nwhat\n')]).toEqual([[], []]);
  });
});

describe('ps', () => {
  test('tells a process, its command with its blanks', () => {
    expect(
      parsePs('  4711     1  4711   501 anna       3-02:01:05 /usr/bin/python3 -m http.server\n'),
    ).toEqual({
      ...{ pid: 4711, parent: 1, pgid: 4711, uid: 501, user: 'anna', ageMs: 266_465_000 },
      command: '/usr/bin/python3 -m http.server',
    });
  });

  test.each([
    ['00:09', 9000],
    ['12:00', 720_000],
    ['02:01:05', 7_265_000],
  ])('counts an age of %s', (age, ageMs) => {
    expect(parsePs(`1 0 1 0 root ${age} init`)).toMatchObject({ ageMs });
  });

  test('may tell nothing', () => {
    expect(parsePs('')).toBeUndefined();
  });
});
