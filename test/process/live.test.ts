// A person at a microphone: the gateway leaves, is killed, comes back; the microphone dies; somebody interrupts. The
// microphone and the loudspeaker are small programs, everything else is real.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { bin, GatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';
import { alive } from '../support/processes.ts';
import { SoundMachine } from '../support/sound.ts';
import { TalkProcess } from '../support/talk-process.ts';

interface Setting {
  readonly gateway: GatewayProcess;
  readonly sound: SoundMachine;
  talk(args?: readonly string[], env?: Readonly<Record<string, string>>): TalkProcess;
}

const run = promisify(execFile);

/** A gateway that is ready, a machine with sound, and nothing of it left when the test is over. */
async function setting(): Promise<Setting> {
  const gateway = await GatewayProcess.start();
  const talks: TalkProcess[] = [];
  const sound = await SoundMachine.in(gateway.folder);
  onTestFinished(async () => {
    for (const talk of talks) await talk[Symbol.asyncDispose]();
    const left = await sound.left();
    await gateway[Symbol.asyncDispose]();
    expect(left).toEqual([]);
  });
  await gateway.event('ready');
  return {
    gateway,
    sound,
    talk(args = [], env = {}) {
      const talk = new TalkProcess({ args, cwd: gateway.folder.path, env: { ...sound.env, ...env } });
      talks.push(talk);
      return talk;
    },
  };
}

/** What the voice says, as a file for the microphone. */
async function speechFile({ gateway }: Setting, text: string): Promise<string> {
  const cwd = gateway.folder.path;
  await run(process.execPath, [bin, 'talk', '--text', text, '--out', 'speech.wav'], { cwd });
  return join(cwd, 'speech.wav');
}

const names = (talk: TalkProcess) =>
  talk.events.map(({ event, what }) => (what === undefined ? event : `${event} ${String(what)}`));

test('a gateway that leaves (SIGTERM) while the microphone streams: everything ends in order, exit code 0', async () => {
  const { gateway, sound, talk: start } = await setting();
  const talk = start();
  await sound.began('recorder');
  await talk.state('listening');
  const sinceMs = performance.now();
  gateway.child.kill('SIGTERM');
  expect(await talk.ended(sinceMs)).toMatchObject({
    code: 0,
    ms: expect.toSatisfy((ms: number) => ms < 3000),
  });
  const end = names(talk).slice(names(talk).indexOf('notice'));
  expect(end).toEqual(['notice', 'state', 'leaving', 'stopped microphone', 'stopped playback', 'closed']);
  expect(talk.all('leaving')).toMatchObject([{ why: 'the gateway is leaving' }]);
  // Told by its end, not by our wish: it was gone before the connection was.
  expect(talk.all('stopped')[0]).toMatchObject({ how: 'arecord exited with code 1' });
  expect(talk.all('closed')).toMatchObject([{ code: 1001, reason: 'server_shutdown' }]);
  expect(talk.all('error')).toEqual([]);
  expect(await sound.log()).toContain('recorder TERM');
  expect(await sound.left()).toEqual([]);
  expect(talk.stderr).not.toMatch(/unhandled|Error:| {4}at /i);
});

test('a gateway that is killed (-9) and does not come back: given up in its time, exit code 1 with the reason', async () => {
  const { gateway, sound, talk: start } = await setting();
  const talk = start(['--timeout', '2s']);
  await talk.state('listening');
  gateway.child.kill('SIGKILL');
  await talk.state('reconnecting');
  talk.type('never heard');
  expect(await talk.ended()).toMatchObject({ code: 1 });
  expect(talk.all('reconnecting').length).toBeGreaterThan(1);
  const end = names(talk).slice(names(talk).indexOf('leaving'));
  expect(end).toEqual(['leaving', 'stopped microphone', 'stopped playback', 'closed']);
  expect(talk.all('closed')).toMatchObject([
    { code: 1006, reason: expect.stringMatching(/ECONNREFUSED.*given up after \d+ attempts in \d\.\d s/) },
  ]);
  expect(talk.all('line')).toMatchObject([{ state: 'undelivered' }]);
  expect(await sound.left()).toEqual([]);
  expect(talk.stderr).not.toMatch(/unhandled| {4}at /i);
});

test('a gateway that is killed and started again: the call goes on, and what was typed meanwhile arrives in its turn', async () => {
  const { gateway, sound, talk: start } = await setting();
  const talk = start(['--timeout', '30s']);
  await talk.state('listening');
  const [, port] = /:(\d+)$/.exec(await gateway.url()) ?? [];
  gateway.child.kill('SIGKILL');
  await talk.state('reconnecting');
  for (const line of ['First line.', 'Second line.']) talk.type(line);
  await talk.event('said');
  await using next = await GatewayProcess.start({ listen: `127.0.0.1:${port}` });
  await talk.event('reconnected');
  await talk.event('answer', ({ transcript }) => transcript === 'Second line.');
  expect(talk.all('said')).toMatchObject([{ state: 'kept' }, { state: 'sent' }]);
  expect(talk.all('line').map(({ state }) => state)).toEqual(['delivered', 'delivered']);
  const sessions = (await next.json('/api/sessions')) as { body: { data: { items: number }[] } };
  expect(sessions.body.data).toMatchObject([{ items: 4 }]);
  // The microphone was never let go, and is heard again.
  expect((await sound.log()).filter((line) => line.startsWith('recorder'))).toHaveLength(1);
  talk.type('/quit');
  expect(await talk.ended()).toMatchObject({ code: 0 });
  expect(talk.all('answer')).toHaveLength(2);
});

test('speech interrupts what is played: at once, and what was not heard is cut from the conversation', async () => {
  const here = await setting();
  const { sound, talk: start } = here;
  const speech = await speechFile(here, 'Stop it, please. I have something to say.');
  const talk = start([], { FAKE_WAV: speech });
  await talk.state('listening');
  talk.type('This is a long answer. It goes on and on, and nobody wants to hear it to its end. '.repeat(4));
  await talk.state('speaking');
  await sound.began('player');
  await sound.go();
  const { heardMs } = await talk.event('interrupted');
  const { audioMs } = talk.all('answer')[0] ?? (await talk.event('answer'));
  expect(Number(heardMs)).toBeGreaterThan(0);
  expect(Number(heardMs)).toBeLessThan(Number(audioMs));
  const [, player] = await sound.pids();
  await until(() => !alive(player ?? 0), { timeoutMs: 500, what: 'the player to be gone' });
  // And the speech that interrupted is answered, by another run of the player.
  await sound.began('player', 2);
  talk.type('/quit');
  expect(await talk.ended()).toMatchObject({ code: 0 });
  expect(talk.all('error')).toEqual([]);
});

test('lines from a pipe are said one after the other, each heard to its end, and the end of the input leaves', async () => {
  const { talk: start } = await setting();
  const talk = start(['--no-mic']);
  for (const line of ['One.', 'Two.']) talk.type(line);
  talk.child.stdin?.end();
  expect(await talk.ended()).toMatchObject({ code: 0 });
  expect(talk.all('error')).toEqual([]);
  expect(talk.all('interrupted')).toEqual([]);
  expect(names(talk).filter((name) => ['said', 'answer', 'leaving'].includes(String(name)))).toEqual([
    'said',
    'answer',
    'said',
    'answer',
    'leaving',
  ]);
  expect(talk.all('leaving')).toMatchObject([{ why: 'the input has ended' }]);
});

test('with a microphone the end of the input is no reason to leave', async () => {
  const { talk: start } = await setting();
  const talk = start();
  talk.type('One.');
  talk.child.stdin?.end();
  await talk.event('answer');
  await talk.state('speaking');
  await until(() => talk.all('state').at(-1)?.['state'] === 'listening', {
    timeoutMs: 10_000,
    what: 'the answer to be played',
  });
  expect(talk.all('leaving')).toEqual([]);
  talk.child.kill('SIGTERM');
  expect(await talk.ended()).toMatchObject({ code: 0 });
});

test('a microphone that dies is told with its last words, and ends the call: exit code 1', async () => {
  const { talk: start } = await setting();
  const talk = start([], { FAKE_DIES: '500' });
  expect(await talk.ended()).toMatchObject({ code: 1 });
  expect(talk.all('error')).toMatchObject([
    {
      code: 'microphone_failed',
      message: expect.stringMatching(
        /^arecord exited with code 1: arecord: pcm_read:2221: .*No such device; .*--mic/,
      ),
    },
  ]);
  expect(names(talk).slice(-4)).toEqual(['leaving', 'stopped microphone', 'stopped playback', 'closed']);
});

test('a microphone that comes to its end (a command that is done) ends the call, and is no fault', async () => {
  const { talk: start } = await setting();
  const talk = start(['--mic', 'head -c 48000 /dev/zero']);
  expect(await talk.ended()).toMatchObject({ code: 0 });
  expect(talk.all('leaving')).toMatchObject([{ why: 'the microphone has ended: head exited with code 0' }]);
});

test('a microphone that exits and leaves its pipe to another has ended too: exit code 1', async () => {
  const here = await setting();
  const left = join(here.gateway.folder.path, 'left.pid');
  onTestFinished(async () => {
    process.kill(Number(await readFile(left, 'utf8')), 'SIGKILL');
  });
  const command = `head -c 48000 /dev/zero; setsid sh -c 'echo $$ > ${left}; sleep 60' & sleep 0.5; exit 3`;
  const talk = here.talk(['--mic', command], { PATH: `${here.sound.env['PATH']}:/usr/bin` });
  expect(await talk.ended()).toMatchObject({ code: 1 });
  expect(talk.all('error')).toMatchObject([
    { code: 'microphone_failed', message: expect.stringMatching(/^head exited with code 3/) },
  ]);
});

test('a microphone that heeds no TERM is killed, and holds nobody up', async () => {
  const { sound, talk: start } = await setting();
  const talk = start([], { FAKE_DEAF: '1' });
  await sound.began('recorder');
  await talk.state('listening');
  const sinceMs = performance.now();
  talk.child.kill('SIGINT');
  expect(await talk.ended(sinceMs)).toMatchObject({
    code: 0,
    ms: expect.toSatisfy((ms: number) => ms < 2500),
  });
  expect(await sound.log()).toContain('recorder TERM');
  expect(await sound.left()).toEqual([]);
});

test('a player that fails is told once; the call goes on without it', async () => {
  const { talk: start } = await setting();
  const talk = start([], { FAKE_MUTE: '1' });
  await talk.state('listening');
  talk.type('Nobody hears this.');
  expect(await talk.event('remark')).toMatchObject({
    code: 'playback_failed',
    message: expect.stringMatching(
      /^aplay exited with code 1: .*No such device; answers are shown from here on$/,
    ),
  });
  await talk.event('answer');
  talk.type('And this.');
  await talk.event('answer', ({ transcript }) => transcript === 'And this.');
  talk.type('/quit');
  expect(await talk.ended()).toMatchObject({ code: 0 });
  expect(talk.all('remark')).toHaveLength(1);
});

test('talk itself is killed (-9): its microphone and its player end', async () => {
  const { sound, talk: start } = await setting();
  const talk = start();
  await talk.state('listening');
  talk.type('This is a long answer. It goes on and on, and nobody wants to hear it to its end.');
  await sound.began('player');
  talk.child.kill('SIGKILL');
  await talk.ended();
  await until(async () => (await sound.left()).length === 0, { timeoutMs: 5000, what: 'both to be gone' });
});

const sox = await run('sox', ['--version']).then(
  () => 'there' as const,
  () => 'none' as const,
);

test.skipIf(sox === 'none')(
  'a real program (sox; skipped where there is none) is a microphone: it is heard and answered',
  async () => {
    const here = await setting();
    const speech = await speechFile(here, 'This was recorded before. Now it is said again.');
    const silence = 'sox -q -n -t raw -e signed -b 16 -c 1 -r 24000 - trim 0 60';
    const command = `sox -q ${speech} -t raw -e signed -b 16 -c 1 -r 24000 -; ${silence}`;
    const talk = here.talk(['--mic', command], { PATH: `${here.sound.env['PATH']}:/usr/bin` });
    expect(await talk.event('started')).toMatchObject({ microphone: 'sox', playback: 'aplay' });
    await talk.event('speech_started');
    expect(await talk.event('answer')).toMatchObject({ status: 'completed' });
    await here.sound.began('player');
    talk.child.kill('SIGTERM');
    expect(await talk.ended()).toMatchObject({ code: 0 });
    const { stdout } = await run('ps', ['-eo', 'args']);
    expect(stdout.split('\n').filter((line) => line.includes('sox') && line.includes(speech))).toEqual([]);
  },
);
