import { describe, expect, test } from 'vitest';
import { describeHolder, type Kinship, spokenAge } from '../../../../src/engines/host/describe.ts';
import { isMapOf } from '../../../../src/engines/host/file-holders.ts';
import {
  type Mark,
  markerIn,
  shownCommand,
  type VisibleHolder,
  wordsOf,
} from '../../../../src/engines/host/holder.ts';
import { parseStat } from '../../../../src/engines/host/identity.ts';
import { nameIn } from '../../../../src/engines/host/users.ts';

const anna: VisibleHolder = {
  ...{ state: 'visible', pid: 4711, startTime: 1, pgid: 4711, command: 'python3 -m http.server 8080' },
  ...{ uid: 1000, user: 'anna', ageMs: 11_540_000, startedAt: '2026-01-01T00:00:00.000Z' },
  mark: { state: 'none' },
};

describe('a holder in words', () => {
  test('is a process with its command, user and age, and whose it is', () => {
    expect(describeHolder(anna)).toBe(
      "pid 4711 (python3 -m http.server 8080), user anna, up 3 h 12 min; not one of greenroom's",
    );
  });

  test.each<[string, Mark, Kinship, string]>([
    ['runs', marked('a.b'), { state: 'live', engine: 'ears' }, 'engine ears of this gateway'],
    [
      'has ended',
      marked('a.b'),
      { state: 'ended', engine: 'ears' },
      'left behind by engine ears (instance a.b)',
    ],
    [
      'was an earlier one',
      marked('a.b'),
      { state: 'earlier' },
      'an engine of an earlier greenroom (instance a.b)',
    ],
    ['is another’s', marked('a.b'), { state: 'stranger' }, 'an engine of another greenroom (instance a.b)'],
    [
      'cannot be told',
      { state: 'unreadable' },
      { state: 'stranger' },
      "whether it is one of greenroom's cannot be seen",
    ],
  ])('whose engine %s', (_, mark, kinship, text) => {
    expect(describeHolder({ ...anna, mark }, () => kinship)).toBe(
      `pid 4711 (python3 -m http.server 8080), user anna, up 3 h 12 min; ${text}`,
    );
  });

  test('that is a gateway says so, and never that it is not one of ours', () => {
    expect(describeHolder({ ...anna, serves: '/home/anna/.greenroom' })).toMatch(
      /; a greenroom gateway, of the data directory \/home\/anna\/\.greenroom$/,
    );
  });

  test('that is ourselves says so', () => {
    expect(describeHolder({ ...anna, pid: process.pid })).toMatch(/; this gateway itself$/);
  });

  test('of which little is known says that', () => {
    expect(describeHolder({ ...anna, user: null, ageMs: null })).toBe(
      "pid 4711 (python3 -m http.server 8080); not one of greenroom's",
    );
    expect(describeHolder({ state: 'hidden', uid: 1001, user: 'bert', why: 'other_user' })).toBe(
      "a process of user bert (uid 1001), pid not visible: it is another user's",
    );
    expect(describeHolder({ state: 'hidden', uid: 70_000, user: '70000', why: 'other_namespace' })).toBe(
      'a process of user 70000, pid not visible: it runs in another pid namespace, a container most likely',
    );
    expect(describeHolder({ state: 'hidden', uid: null, user: null, why: 'other_user' })).toMatch(
      /^a process, pid not visible/,
    );
  });

  test.each([
    [900, '0 s'],
    [59_999, '59 s'],
    [60_000, '1 min'],
    [3_600_000, '1 h'],
    [11_540_000, '3 h 12 min'],
    [86_400_000, '1 d'],
    [187_200_000, '2 d 4 h'],
  ])('has an age of %d ms: %s', (ms, text) => {
    expect(spokenAge(ms)).toBe(text);
  });
});

function marked(marker: string): Mark {
  return { state: 'marked', marker };
}

describe('a command line', () => {
  test('has its words with blanks between', () => {
    expect(shownCommand(wordsOf(Buffer.from('node\0a b\0\0--x\0')))).toBe('node a b  --x');
  });

  test('that a program has written over is one text', () => {
    expect(shownCommand(wordsOf(Buffer.from('nginx: master process\0\0\0\0')))).toBe('nginx: master process');
  });

  test('shows what a terminal would obey as codes', () => {
    expect(shownCommand(['a\u001b[31mb', '\u202ec\n\u200b\ufeff\u009b'])).toBe(
      'a\\x1b[31mb \\u{202e}c\\x0a\\u{200b}\\u{feff}\\x9b',
    );
    expect(shownCommand(['häuser', '模型', '🎙'])).toBe('häuser 模型 🎙');
  });

  test('is cut', () => {
    const text = shownCommand(['x'.repeat(100_000)]);
    expect(text).toBe(`${'x'.repeat(160)} …`);
    expect(shownCommand(['\u0007'.repeat(100)])).toHaveLength(162);
  });
});

describe('an environment', () => {
  const environment = (...variables: readonly string[]) => Buffer.from(variables.join('\0'));

  test.each([
    ['first', ['GREENROOM_INSTANCE=a.b', 'PATH=/bin'], 'a.b'],
    ['last, without an end', ['PATH=/bin', 'GREENROOM_INSTANCE=a.b'], 'a.b'],
    ['after one that only ends so', ['X_GREENROOM_INSTANCE=no', 'GREENROOM_INSTANCE=a.b'], 'a.b'],
    ['not at all', ['PATH=/bin', 'X=GREENROOM_INSTANCE=no'], undefined],
    ['empty', ['GREENROOM_INSTANCE=', 'A=1'], undefined],
    ['as something that is none', ['GREENROOM_INSTANCE=a\u001b[2Jb'], undefined],
    ['far too long', [`GREENROOM_INSTANCE=${'a'.repeat(1000)}`], undefined],
  ])('has the marker %s', (_, variables, marker) => {
    expect(markerIn(environment(...variables))).toBe(marker);
  });
});

test('a user is found by number, and only by the whole of it', () => {
  const passwd = 'root:x:0:0:root:/root:/bin/bash\n\n# note\nanna:x:1000:1000::/home/anna:/bin/sh\n';
  expect([0, 1000, 100].map((uid) => nameIn(passwd, uid))).toEqual(['root', 'anna', undefined]);
});

test('the facts of a process are found behind a name that holds anything', () => {
  const rest = '20 0 11 0 2423713 800000 9000 18446744073709551615';
  const line = (state: string) => `7 (a) S 1 (b) ) ${state} 12 34 34 0 -1 4194304 1 2 3 4 5 6 7 8 ${rest}`;
  expect(parseStat(line('S'))).toEqual({ parent: 12, pgid: 34, startTime: 2_423_713 });
  expect([parseStat(line('Z')), parseStat('')]).toEqual([undefined, undefined]);
});

describe('a line of a process’s maps', () => {
  const file = { path: '/models/my model.gguf', dev: 0xfe00, ino: 2_253_887 };
  const line = (device: string, inode: number, name: string) =>
    `7f5c8a000000-7f5c8b000000 r--s 00000000 ${device} ${inode}                    ${name}`;

  test('is known by device and inode, whatever it is called there', () => {
    expect(isMapOf(line('fe:00', file.ino, '/srv/x.gguf'), file)).toBe(true);
    expect(isMapOf(line('fe:00', file.ino, ''), file)).toBe(true);
  });

  test('is known by inode and path where the device is another one', () => {
    expect(isMapOf(line('00:1f', file.ino, file.path), file)).toBe(true);
    expect(isMapOf(line('00:1f', file.ino, '/models/other.gguf'), file)).toBe(false);
  });

  test('of another file, or of none, is not', () => {
    expect(isMapOf(line('fe:00', 1, file.path), file)).toBe(false);
    expect(isMapOf('7f5c8a000000-7f5c8b000000 rw-p 00000000 00:00 0 ', file)).toBe(false);
  });
});
