// A live call at a real terminal: what a person sees, types, and finds when it is over.
import { expect, test } from 'vitest';
import { bin, GatewayProcess } from '../support/gateway-process.ts';
import { SoundMachine } from '../support/sound.ts';
import { Terminal } from '../support/terminal.ts';

/** `sh` stays to say how it left the terminal. */
async function talkAt(gateway: GatewayProcess, sound: SoundMachine): Promise<Terminal> {
  const talk = `"${process.execPath}" "${bin}" talk --url ${await gateway.url()}`;
  return Terminal.run(['/bin/sh', '-c', `${talk}; echo "exit code $?"; stty -a`], sound.env);
}

const left = (terminal: Terminal) => terminal.text.slice(terminal.text.lastIndexOf('exit code'));

test('space goes to typing and back, a line is said, /quit leaves; the terminal is as it was', async () => {
  await using gateway = await GatewayProcess.start();
  const sound = await SoundMachine.in(gateway.folder);
  await using terminal = await talkAt(gateway, sound);
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
  await terminal.exited;
  expect(left(terminal)).toMatch(/^exit code 0/);
  // Lines are lines again, and are shown as they are typed; the cursor is back.
  expect(left(terminal)).toMatch(/ icanon /);
  expect(left(terminal)).toMatch(/ echo /);
  expect(terminal.raw.lastIndexOf('\u001B[?25h')).toBeGreaterThan(terminal.raw.lastIndexOf('\u001B[?25l'));
  expect(await sound.left()).toEqual([]);
});

test('Ctrl+C leaves: it is for us, and not for the microphone', async () => {
  await using gateway = await GatewayProcess.start();
  const sound = await SoundMachine.in(gateway.folder);
  await using terminal = await talkAt(gateway, sound);
  await terminal.shows('● listening');
  await sound.began('recorder');
  terminal.pty.write('\u0003');
  await terminal.exited;
  expect(left(terminal)).toMatch(/^exit code 0/);
  const log = await sound.log();
  expect(log).toContain('recorder TERM');
  expect(log).not.toContain('recorder INT');
  expect(await sound.left()).toEqual([]);
});

test('a notice of shutdown: the reason is shown, everything ends, exit code 0, the terminal is as it was', async () => {
  await using gateway = await GatewayProcess.start();
  const sound = await SoundMachine.in(gateway.folder);
  await using terminal = await talkAt(gateway, sound);
  await terminal.shows('● listening');
  terminal.pty.write(' half a line');
  await terminal.shows('› half a line');
  gateway.child.kill('SIGTERM');
  await terminal.exited;
  expect(terminal.text).toContain('leaving: the gateway is leaving');
  expect(left(terminal)).toMatch(/^exit code 0/);
  expect(left(terminal)).toMatch(/ icanon /);
  expect(await sound.left()).toEqual([]);
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
