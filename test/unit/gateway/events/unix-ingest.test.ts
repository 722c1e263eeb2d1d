// The UNIX socket of the events, with real sockets and a hub that writes down.
import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { turnMsMax } from '../../../../src/gateway/events/fair-turns.ts';
import { systemClock, turn } from '../../../../src/lifecycle/clock.ts';
import { testFolder } from '../../../support/folder.ts';
import { until } from '../../../support/poll.ts';
import { stateChange } from './rig.ts';
import { UnixStage } from './unix-stage.ts';

const numbers = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => String(from + index));

describe('what a producer sends', () => {
  test('is published line by line, in order, byte for byte', async () => {
    await using stage = await UnixStage.open();
    const talker = await stage.talker();
    await talker.say(
      '{"machine_name":"m","n":12345678901234567890}\r\n\n{"topic":"a.b","key":"k","data": [1.0] }\n',
    );
    await stage.until(2);
    expect(stage.parts.hub.published).toEqual([
      { topic: 'm', key: null, data: '{"machine_name":"m","n":12345678901234567890}' },
      { topic: 'a.b', key: 'k', data: '[1.0]' },
    ]);
    expect(stage.parts.producers.list()).toMatchObject([
      {
        id: 'unix_1',
        kind: 'unix',
        state: 'open',
        accepted: 2,
        bytes: 50,
        rejected: {},
        last: { id: 'e.2' },
      },
    ]);
  });

  test('10,000 state changes at 5,500 a second: none is lost, in order, while others write garbage', async () => {
    await using stage = await UnixStage.open();
    const [talker, noise] = [await stage.talker(), await stage.talker()];
    const began = performance.now();
    let sent = 0;
    while (sent < 10_000) {
      await turn(systemClock);
      const due = Math.min(10_000, Math.floor((performance.now() - began) * 5.5));
      if (due === sent) continue;
      let text = '';
      for (; sent < due; sent += 1) text += `${stateChange(sent)}\n`;
      talker.socket.write(text);
      if (noise.socket.writableLength === 0) noise.socket.write('garbage\n{"half":'.repeat(100));
    }
    talker.socket.end();
    await talker.untilEnded();
    expect(stage.published).toEqual(Array.from({ length: 10_000 }, (_, count) => stateChange(count)));
    expect(talker.told).toEqual([]);
  });

  test('in one piece of thousands of lines comes whole', async () => {
    await using stage = await UnixStage.open();
    const talker = await stage.talker();
    await talker.say(`${numbers(50_000).join('\n')}\n`);
    await stage.until(50_000);
    expect(stage.published).toEqual(numbers(50_000));
  });

  test('in single bytes, and a line that waits for its end for a while, comes whole', async () => {
    await using stage = await UnixStage.open();
    const talker = await stage.talker();
    for (const byte of Buffer.from(`${stateChange(1)}\n{"ha`)) await talker.say(Buffer.from([byte]));
    await stage.until(1);
    await talker.say('lf":1}\n');
    await stage.until(2);
    expect(stage.published).toEqual([stateChange(1), '{"half":1}']);
  });
});

describe('a bad line', () => {
  test('is refused by itself, told with its number and reason, counted and logged once a second', async () => {
    await using stage = await UnixStage.open();
    const talker = await stage.talker();
    await talker.say('1\nhello\n\n{"topic":"greenroom.x","data":1}\n{"topic":"a","data":1,"x":1}\n2\n');
    await talker.untilTold(3);
    expect(stage.published).toEqual(['1', '2']);
    expect(talker.told).toEqual([
      {
        ...{ type: 'rejected', line: 2, code: 'invalid_event' },
        message: 'this is not JSON: byte 1 is not expected: "h"',
      },
      { type: 'rejected', line: 4, code: 'topic_reserved', message: expect.stringContaining('greenroom.x') },
      { type: 'rejected', line: 5, code: 'bad_envelope', message: expect.stringContaining('"x"') },
    ]);
    expect(stage.parts.producers.list()).toMatchObject([
      { accepted: 2, rejected: { invalid_event: 1, topic_reserved: 1, bad_envelope: 1 } },
    ]);
    expect(stage.parts.log.warnings).toEqual([
      'producer unix_1: line 2 was refused: this is not JSON: byte 1 is not expected: "h"',
    ]);
  });

  test('of two mebibytes is refused before it has ended, and what follows is taken', async () => {
    await using stage = await UnixStage.open();
    const talker = await stage.talker();
    const half = Buffer.alloc(1024 * 1024 + 1, 'x');
    await talker.say(half);
    await talker.untilTold(1);
    expect(talker.told).toMatchObject([
      { line: 1, code: 'event_too_large', message: expect.stringContaining('longer than 1048576 bytes') },
    ]);
    await talker.say(half);
    await talker.say('\n2\n');
    await stage.until(1);
    expect([stage.published, talker.told.length]).toEqual([['2'], 1]);
  });

  test('of a producer that reads nothing is not kept for it, and holds nobody up', async () => {
    await using stage = await UnixStage.open();
    const [deaf, other] = [await stage.talker(), await stage.talker()];
    deaf.socket.pause();
    for (let round = 0; round < 20; round += 1) await deaf.say('garbage\n'.repeat(1000));
    await deaf.say('"at last"\n');
    await other.say('"other"\n');
    await stage.until(2);
    const [{ rejected } = { rejected: {} }] = stage.parts.producers.list();
    expect(rejected).toEqual({ invalid_event: 20_000 });
    deaf.socket.resume();
    const toldAgain = async () => {
      await deaf.say('more garbage\n');
      return /"line":20\d\d\d/.test(deaf.text);
    };
    await until(toldAgain, {
      timeoutMs: 5000,
      what: 'a refusal of the last lines',
    });
    expect(deaf.told.length).toBeLessThan(20_000);
  });
});

describe('a producer that leaves', () => {
  test.each(['1\n2\n"last"', '1\n2\n"last"\n'])(
    'at the end of %j loses nothing, and sees the end',
    async (text) => {
      await using stage = await UnixStage.open();
      const talker = await stage.talker();
      talker.socket.end(text);
      await talker.untilEnded();
      expect(stage.published).toEqual(['1', '2', '"last"']);
      await until(() => stage.ingest.count === 0, { timeoutMs: 2000, what: 'its connection to be gone' });
      expect(stage.parts.producers.list()).toMatchObject([{ state: 'left', accepted: 3 }]);
    },
  );

  test('at once, without having read what it was told, loses nothing', async () => {
    await using stage = await UnixStage.open();
    const count = 3000;
    for (let round = 1; round <= 5; round += 1) {
      const talker = await stage.talker();
      talker.socket.pause();
      const lines = numbers(count).map((number) => `bad\n"${round} ${number} ${'x'.repeat(100)}"\n`);
      await talker.say(lines.join(''));
      talker.socket.destroy();
      await stage.until(round * count);
    }
    expect(stage.published).toHaveLength(5 * count);
    await until(() => stage.ingest.count === 0, { timeoutMs: 2000, what: 'the connections to be gone' });
  });

  test('in the middle of a line: that line is refused, if it is not whole by chance', async () => {
    await using stage = await UnixStage.open();
    const talker = await stage.talker();
    talker.socket.end('1\n{"machine_name":"m","pay');
    await talker.untilEnded();
    expect(stage.published).toEqual(['1']);
    expect(talker.told).toMatchObject([
      { line: 2, code: 'invalid_event', message: expect.stringContaining('it ends after 24 bytes') },
    ]);
  });

  test('having said nothing at all is nobody’s business', async () => {
    await using stage = await UnixStage.open();
    const talkers = await Promise.all(numbers(20).map(() => stage.talker()));
    for (const talker of talkers) talker.socket.destroy();
    await until(() => stage.parts.producers.sums().unix.open === 0, {
      timeoutMs: 2000,
      what: 'them to be gone',
    });
    expect([stage.published, stage.parts.log.lines]).toEqual([[], []]);
  });

  test('by the programs that people use', async () => {
    await using stage = await UnixStage.open();
    const script = `import socket,sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(b'{"machine_name":"py"}\\n' * 1000); s.close()`;
    await promisify(execFile)('python3', ['-c', script, stage.ingest.path]);
    await stage.until(1000);
    expect(stage.published).toHaveLength(1000);
  });
});

// They work through megabytes, which takes its time on a machine that does other things too.
describe('turns', { timeout: 40_000 }, () => {
  test('of floods and of lines of a mebibyte leave time for everybody else', async () => {
    await using stage = await UnixStage.open();
    // As slow as a hub with many watchers.
    stage.parts.hub.onPublish = () => {
      for (const until = performance.now() + 0.2; performance.now() < until; );
    };
    const floods = await Promise.all(numbers(8).map(() => stage.talker()));
    for (const flood of floods) flood.socket.write(`${numbers(2000).join('\n')}\n`);
    const polite = await stage.talker();
    polite.socket.write('"polite"\n');
    let turns = 0;
    let before = 0;
    while (!stage.published.includes('"polite"')) {
      await turn(systemClock);
      turns += 1;
      const { length } = stage.published;
      // A turn has room for so many, and one that has begun.
      expect(length - before).toBeLessThanOrEqual((2 * turnMsMax) / 0.2 + 2);
      before = length;
    }
    expect(turns).toBeGreaterThan(1);
    expect(before).toBeLessThan(16_000 / 2);
    await stage.until(16_001, 20_000);
    for (const flood of floods) flood.socket.end();
    await Promise.all(floods.map((flood) => flood.untilEnded()));
  });

  test('a producer that is waited for is not read meanwhile', async () => {
    await using stage = await UnixStage.open();
    stage.parts.hub.onPublish = () => {
      for (const until = performance.now() + 1; performance.now() < until; );
    };
    const talker = await stage.talker();
    let taken = false;
    const said = talker.say('1\n'.repeat(300_000)).then(() => {
      taken = true;
    });
    await stage.until(100);
    expect(taken).toBe(false);
    stage.parts.hub.onPublish = () => undefined;
    await said;
    await stage.until(300_000, 8000);
  });
});

describe('the socket', () => {
  test('is its user’s alone, and gone when the gateway is', async () => {
    await using folder = await testFolder();
    await using stage = await UnixStage.open({ directory: folder.path });
    expect(stage.ingest.path).toBe(join(folder.path, 'events.sock'));
    expect((await stat(stage.ingest.path)).mode & 0o777).toBe(0o600);
    const { overdue } = await stage.scope.close('server_shutdown');
    expect([overdue, await readdir(folder.path)]).toEqual([[], []]);
  });

  test('that a dead gateway has left is replaced', async () => {
    await using folder = await testFolder();
    const path = join(folder.path, 'events.sock');
    const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
    await promisify(execFile)(process.execPath, ['-e', script]).catch(() => undefined);
    expect((await stat(path)).isSocket()).toBe(true);
    await using stage = await UnixStage.open({ directory: folder.path });
    await (await stage.talker()).say('1\n');
    await stage.until(1);
  });

  test('does not replace what is no socket', async () => {
    await using folder = await testFolder();
    const path = await folder.write('events.sock', 'mine');
    await expect(UnixStage.open({ directory: folder.path })).rejects.toMatchObject({
      ...{ code: 'listen_failed', message: `${path} is there, and no socket; take it away` },
    });
    await expect(UnixStage.open({ directory: join(folder.path, 'none') })).rejects.toMatchObject({
      ...{ code: 'listen_failed', message: expect.stringContaining('no socket for events at') },
    });
  });

  test.each(['in the data directory', 'elsewhere, with its folder'])(
    'that somebody has taken away %s is made again; who is connected notices nothing',
    async (where) => {
      await using folder = await testFolder();
      const elsewhere = where.startsWith('elsewhere');
      const directory = elsewhere ? join(folder.path, 'd'.repeat(100)) : folder.path;
      if (elsewhere) await mkdir(directory);
      const places = { directory, temporary: folder.path };
      await using stage = await UnixStage.open({ ...places, lookEveryMs: 10 });
      const { path } = stage.ingest;
      const before = await stage.talker();
      await rm(elsewhere ? dirname(path) : path, { recursive: true });
      await until(() => stage.parts.log.warnings.length > 0, { timeoutMs: 5000, what: 'a warning' });
      expect(stage.parts.log.warnings).toEqual([
        `the socket of the events at ${path} was taken away, and is made again`,
      ]);
      expect((await stat(path)).mode & 0o777).toBe(0o600);
      await before.say('1\n');
      await (await stage.talker()).say('2\n');
      await stage.until(2);
      await stage.scope.close('server_shutdown');
      await expect(stat(path)).rejects.toThrow('ENOENT');
    },
  );

  test('that cannot be made again is told once, and made when it can be', async () => {
    await using folder = await testFolder();
    const directory = join(folder.path, 'data');
    await mkdir(directory);
    await using stage = await UnixStage.open({ directory, lookEveryMs: 10 });
    await rm(directory, { recursive: true });
    await until(() => stage.parts.log.warnings.length === 1, { timeoutMs: 5000, what: 'a warning' });
    await mkdir(directory);
    await until(() => stage.parts.log.warnings.length === 2, { timeoutMs: 5000, what: 'a second one' });
    await (await stage.talker()).say('1\n');
    await stage.until(1);
    expect(stage.parts.log.warnings).toEqual([
      expect.stringContaining('cannot be made again yet'),
      expect.stringContaining('is made again'),
    ]);
  });

  test('whose path would be too long is in a private folder elsewhere, the same one each time', async () => {
    await using folder = await testFolder();
    const directory = join(folder.path, 'd'.repeat(100));
    const temporary = join(folder.path, 't');
    await Promise.all([mkdir(directory), mkdir(temporary)]);
    const paths: string[] = [];
    for (const _ of [1, 2]) {
      await using stage = await UnixStage.open({ directory, temporary });
      paths.push(stage.ingest.path);
      const [made = ''] = await readdir(temporary);
      expect((await stat(join(temporary, made))).mode & 0o777).toBe(0o700);
      await (await stage.talker()).say('1\n');
      await stage.until(1);
      await stage.scope.close('done');
      expect(await readdir(temporary)).toEqual([]);
    }
    expect(paths[0]).toBe(paths[1]);
    expect(Buffer.byteLength(paths[0] ?? '')).toBeLessThan(108);
  });

  test('is in nobody else’s folder: one that others can look into is left alone', async () => {
    await using folder = await testFolder();
    const directory = join(folder.path, 'd'.repeat(100));
    const temporary = join(folder.path, 't');
    await Promise.all([mkdir(directory), mkdir(temporary)]);
    await using first = await UnixStage.open({ directory, temporary });
    const taken = join(first.ingest.path, '..');
    await first.scope.close('done');
    await mkdir(taken);
    await chmod(taken, 0o755);
    await using stage = await UnixStage.open({ directory, temporary });
    expect(stage.ingest.path.startsWith(`${taken}-`)).toBe(true);
    await stage.scope.close('done');
    await writeFile(join(taken, 'theirs'), '');
  });

  test('takes so many producers, and tells who is one too many', async () => {
    await using stage = await UnixStage.open({ connectionsMax: 2 });
    const [first, second] = [await stage.talker(), await stage.talker()];
    const third = await stage.talker();
    await third.untilEnded();
    const message = '2 producers are connected; close one, or come again';
    expect(third.told).toEqual([{ type: 'rejected', line: 0, code: 'connections_full', message }]);
    second.socket.destroy();
    await until(() => stage.ingest.count === 1, { timeoutMs: 2000, what: 'room' });
    const fourth = await stage.talker();
    await Promise.all([first.say('1\n'), fourth.say('4\n')]);
    await stage.until(2);
    expect(stage.parts.log.warnings).toHaveLength(1);
  });
});

describe('leaving', () => {
  test('publishes what has come in whole lines, tells of the half one, and ends everybody', async () => {
    await using stage = await UnixStage.open();
    const talkers = await Promise.all(numbers(5).map(() => stage.talker()));
    for (const talker of talkers) talker.socket.write(`${numbers(2000).join('\n')}\n{"half"`);
    const closing = stage.scope.close('server_shutdown');
    const { overdue } = await closing;
    expect([overdue, stage.published.length, stage.ingest.count]).toEqual([[], 10_000, 0]);
    for (const talker of talkers) {
      await talker.untilEnded();
      expect(talker.told).toMatchObject([{ type: 'rejected', line: 2001, code: 'server_shutdown' }]);
    }
    expect(stage.parts.producers.sums().unix).toMatchObject({ open: 0, rejected: { server_shutdown: 5 } });
  });

  test('lets in who has connected already', async () => {
    await using stage = await UnixStage.open();
    const script = `const s = require('node:net').connect(process.argv[1]); s.on('error', () => undefined); s.on('close', () => process.exit());
      s.write('1\\n', () => process.stdout.write('sent'))`;
    const child = execFile(process.execPath, ['-e', script, stage.ingest.path]);
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    await stage.scope.close('server_shutdown');
    expect(stage.published).toEqual(['1']);
    await new Promise((resolve) =>
      child.exitCode === null ? child.once('exit', resolve) : resolve(undefined),
    );
  });

  test('waits for nobody who goes on and on', async () => {
    await using stage = await UnixStage.open();
    const talker = await stage.talker();
    let state: 'on' | 'off' = 'on';
    const flood = (error?: Error | null) => {
      if (state === 'on' && !error) talker.socket.write('"again"\n'.repeat(2000), flood);
    };
    flood();
    await stage.until(10_000);
    const before = stage.published.length;
    const { overdue } = await stage.scope.close('server_shutdown');
    state = 'off';
    expect(overdue).toEqual([]);
    expect((stage.published.length - before) * '"again"\n'.length).toBeLessThan(1024 * 1024);
    await talker.untilEnded();
  });

  test('with a hub that takes nothing any more tells each line so', async () => {
    await using stage = await UnixStage.open();
    const talker = await stage.talker();
    stage.parts.hub.state = 'closed';
    await talker.say('1\n2\n');
    await talker.untilTold(2);
    expect(talker.told.map(({ line, code }) => [line, code])).toEqual([
      [1, 'server_shutdown'],
      [2, 'server_shutdown'],
    ]);
  });
});
