// A live call at a real terminal: what a person sees, types, and finds when it is over.
import { expect, test } from 'vitest';
import { widthOf } from '../../src/cli/text-width.ts';
import { testFolder } from '../support/folder.ts';
import { bin, GatewayProcess } from '../support/gateway-process.ts';
import { heldDoor } from '../support/held-door.ts';
import { SoundMachine } from '../support/sound.ts';
import { Terminal } from '../support/terminal.ts';
import { begin, greet, onAsk } from '../unit/cli/fake-echo.ts';
import { type FakeBehaviour, fakeGateway } from '../unit/client/fake-gateway.ts';

const ctrlC = '\u0003';
const redraw = '\r\u001B[2K';

/** `sh` stays to say how it left the terminal; Ctrl+C is for both, and it stays all the same. */
async function talkAt(url: string, sound: SoundMachine, more = ''): Promise<Terminal> {
  const talk = `"${process.execPath}" "${bin}" talk --url ${url} ${more}`;
  return Terminal.run(['/bin/sh', '-c', `trap : INT; ${talk}; echo "exit code $?"; stty -a`], sound.env);
}

const left = (terminal: Terminal) => terminal.text.slice(terminal.text.lastIndexOf('exit code'));

/** Lines are lines again and are shown as they are typed, the cursor is back, and nothing that was started is left. */
async function expectAsBefore(terminal: Terminal, sound: SoundMachine): Promise<void> {
  await terminal.exited;
  expect(left(terminal)).toMatch(/^exit code 0/);
  expect(left(terminal)).toMatch(/(?<![-\w])icanon\s/);
  expect(left(terminal)).toMatch(/(?<![-\w])echo\s/);
  expectCursor(terminal);
  expect(await sound.left()).toEqual([]);
}

function expectCursor({ raw }: Terminal): void {
  expect(raw.lastIndexOf('\u001B[?25h')).toBeGreaterThanOrEqual(raw.lastIndexOf('\u001B[?25l'));
}

test('space goes to typing and back, a line is said, /quit leaves; the terminal is as it was', async () => {
  await using gateway = await GatewayProcess.start();
  const sound = await SoundMachine.in(gateway.folder);
  await using terminal = await talkAt(await gateway.url(), sound);
  await terminal.shows('● listening');
  await terminal.shows('space: type');
  terminal.pty.write(' ');
  await terminal.shows('type a line   space: speak again   /quit: leave');
  terminal.pty.write('Hello from the keys');
  await terminal.shows('› Hello from the keys');
  terminal.pty.write('\r');
  await terminal.shows('you     Hello from the keys');
  await terminal.shows('answer  Hello from the keys');
  terminal.pty.write(' ');
  await terminal.shows('◆ speaking');
  await sound.began('player');
  terminal.pty.write(' /frob\r');
  await terminal.shows('unknown command: /frob; there is /quit');
  terminal.pty.write('/quit\r');
  await expectAsBefore(terminal, sound);
});

test('a typed line interrupts the answer before', async () => {
  await using gateway = await GatewayProcess.start();
  const sound = await SoundMachine.in(gateway.folder);
  await using terminal = await talkAt(await gateway.url(), sound, '--no-mic');
  await terminal.shows('type a line');
  const long = 'This is a long answer. It goes on and on, and nobody wants to hear it to its end. '.repeat(4);
  terminal.pty.write(`${long}\r`);
  await sound.began('player');
  terminal.pty.write('Short.\r');
  await terminal.shows('answer  Short.');
  // The first player was stopped.
  await sound.began('player', 2);
  terminal.pty.write('/quit\r');
  await expectAsBefore(terminal, sound);
  expect(terminal.text).not.toContain('error');
});

test('Ctrl+C leaves: it is for us, and not for the microphone', async () => {
  await using gateway = await GatewayProcess.start();
  const sound = await SoundMachine.in(gateway.folder);
  await using terminal = await talkAt(await gateway.url(), sound);
  await terminal.shows('● listening');
  await sound.began('recorder');
  terminal.pty.write(ctrlC);
  await expectAsBefore(terminal, sound);
  const log = await sound.log();
  expect(log).toContain('recorder TERM');
  expect(log).not.toContain('recorder INT');
});

test('a notice of shutdown: the reason is shown, everything ends, exit code 0, the terminal is as it was', async () => {
  await using gateway = await GatewayProcess.start();
  const sound = await SoundMachine.in(gateway.folder);
  await using terminal = await talkAt(await gateway.url(), sound);
  await terminal.shows('● listening');
  terminal.pty.write(' half a line');
  await terminal.shows('› half a line');
  gateway.child.kill('SIGTERM');
  await expectAsBefore(terminal, sound);
  expect(terminal.text).toContain('leaving: the gateway is leaving');
});

test('a closed terminal (SIGHUP) leaves no microphone behind', async () => {
  await using gateway = await GatewayProcess.start();
  const sound = await SoundMachine.in(gateway.folder);
  await using terminal = await Terminal.run(
    [process.execPath, bin, 'talk', '--url', await gateway.url()],
    sound.env,
  );
  await terminal.shows('● listening');
  terminal.pty.kill('SIGHUP');
  expect((await terminal.exited).exitCode).toBe(0);
  expect(await sound.left()).toEqual([]);
});

test('a gateway that is killed and comes back: what is typed meanwhile is seen, kept, and said', async () => {
  await using gateway = await GatewayProcess.start();
  const sound = await SoundMachine.in(gateway.folder);
  const url = await gateway.url();
  await using terminal = await talkAt(url, sound);
  await terminal.shows('● listening');
  terminal.pty.write(' half 😀');
  await terminal.shows('› half 😀');
  gateway.child.kill('SIGKILL');
  await terminal.shows('◌ reconnecting › half 😀');
  terminal.pty.write(' a line, 한국어');
  await terminal.shows('◌ reconnecting › half 😀 a line, 한국어');
  await using next = await GatewayProcess.start({ listen: url.replace('http://', '') });
  await next.event('ready');
  await terminal.shows('again; it is a new conversation');
  await terminal.shows(' › half 😀 a line, 한국어');
  terminal.pty.write('\r');
  await terminal.shows('answer  half 😀 a line, 한국어');
  terminal.pty.write(ctrlC);
  await expectAsBefore(terminal, sound);
});

const waiting = {
  name: 'voice',
  state: 'starting',
  rung: 'loaded',
  progress: null,
  text: null,
  elapsed_ms: 1,
  eta_ms: null,
};
const moments: readonly (readonly [string, FakeBehaviour, string, string])[] = [
  ['while it connects', { refusal: 'never' }, '', '◌ connecting'],
  [
    'in the lobby',
    {
      onCall(call) {
        greet(call);
        call.send({ type: 'greenroom.lobby', state: 'waiting', engines: [waiting] });
      },
    },
    '',
    'voice starting (loaded)',
  ],
  [
    'during an answer',
    onAsk((_event, call) => begin(call, 'resp_1', 'A long answer', 240_000)),
    '--no-mic --text hi',
    'you     hi',
  ],
  ['while it reconnects', { onCall: (call) => call.socket.terminate() }, '', 'reconnecting'],
];

test.each(moments)(
  'Ctrl+C %s leaves, and the terminal is as it was',
  async (_when, behaviour, args, shown) => {
    await using gateway = await fakeGateway(behaviour);
    await using folder = await testFolder();
    const sound = await SoundMachine.in(folder);
    await using terminal = await talkAt(gateway.url, sound, args);
    await terminal.shows(shown);
    if (args !== '') await sound.began('player');
    const sinceMs = performance.now();
    terminal.pty.write(ctrlC);
    await expectAsBefore(terminal, sound);
    expect(performance.now() - sinceMs).toBeLessThan(3000);
  },
);

test('what is typed before there is a connection is not shown twice, and not lost', async () => {
  await using gateway = await GatewayProcess.start();
  await using door = await heldDoor(await gateway.url());
  const sound = await SoundMachine.in(gateway.folder);
  await using terminal = await talkAt(door.url, sound, '--no-mic');
  await terminal.shows('◌ connecting');
  terminal.pty.write('Typed ahead');
  await door.knocked;
  door.open();
  await terminal.shows('› Typed ahead');
  expect(terminal.raw.split(redraw)[1]).not.toContain('Typed');
  terminal.pty.write('\r');
  await terminal.shows('answer  Typed ahead');
  terminal.pty.write('/quit\r');
  await expectAsBefore(terminal, sound);
});

test('a window of 20 columns: no line that is drawn anew wraps, whatever is typed; text is broken between words', async () => {
  await using gateway = await GatewayProcess.start();
  const sound = await SoundMachine.in(gateway.folder);
  await using terminal = await talkAt(await gateway.url(), sound);
  await terminal.shows('● listening');
  terminal.pty.resize(20, 30);
  const line = 'Hello 😀 한국어 👨‍👩‍👧 e\u0301 ❤️ and the end';
  terminal.pty.write(' ');
  // Cut short: by now it has been told of its new width, which may come after what is typed.
  await terminal.shows('› type a line   …');
  const before = terminal.raw.length;
  terminal.pty.write(line);
  await terminal.shows('and the end');
  terminal.pty.write('\r');
  await terminal.shows('answer  Hello 😀');
  terminal.pty.write(ctrlC);
  await expectAsBefore(terminal, sound);
  const drawn = terminal.raw.slice(before, terminal.raw.lastIndexOf('exit code'));
  for (const each of drawn.split(redraw).flatMap((text) => text.split('\r\n'))) {
    expect(widthOf(each.replaceAll('\r', ''))).toBeLessThanOrEqual(20);
    // Never the second half of what a person sees as one.
    expect(each).not.toMatch(/…[\u200d\u0301\ufe0f]/);
  }
});

test('without a standard input it is heard and answered all the same, and Ctrl+C leaves', async () => {
  await using gateway = await GatewayProcess.start();
  const sound = await SoundMachine.in(gateway.folder);
  for (const how of ['<&-', '</dev/null']) {
    await using terminal = await talkAt(await gateway.url(), sound, how);
    await terminal.shows('ready');
    await sound.began('recorder');
    terminal.pty.write(ctrlC);
    await expectAsBefore(terminal, sound);
  }
});

test('a fault of ours leaves the cursor where people see it', async () => {
  await using gateway = await GatewayProcess.start();
  const sound = await SoundMachine.in(gateway.folder);
  const fault = "data:text/javascript,process.on('SIGUSR2',()=>{throw(new(Error)('a%20fault'))})";
  const env = { ...sound.env, NODE_OPTIONS: `--import=${fault}` };
  await using terminal = await Terminal.run(
    [process.execPath, bin, 'talk', '--url', await gateway.url()],
    env,
  );
  await terminal.shows('● listening');
  process.kill(terminal.pty.pid, 'SIGUSR2');
  expect((await terminal.exited).exitCode).not.toBe(0);
  expect(terminal.text).toContain('a fault');
  expectCursor(terminal);
});
