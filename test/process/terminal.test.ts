// The console in a real terminal.
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { until } from '../support/poll.ts';
import { alive } from '../support/processes.ts';
import { Terminal } from '../support/terminal.ts';

const prompt = 'greenroom> ';

test('Ctrl+C at the prompt leaves cleanly, although readline takes the key for itself', async () => {
  await using terminal = await Terminal.up();
  await terminal.shows(prompt);
  terminal.pty.write('\u0003');
  expect(await terminal.exited).toMatchObject({ exitCode: 0 });
  expect(terminal.text).toContain('leaving (SIGINT)');
  expect(terminal.text).toMatch(/left in .*exit code 0/);
});

test.each([0, 20, 40, 80, 160, 320])(
  'Ctrl+C %i ms after the door opened, while the engines load, leaves cleanly',
  async (ms) => {
    await using terminal = await Terminal.up();
    await terminal.shows('the door is open');
    const shown = performance.now();
    await until(() => performance.now() - shown >= ms, { timeoutMs: 1000, what: 'the moment' });
    terminal.pty.write('\u0003');
    expect(await terminal.exited).toMatchObject({ exitCode: 0 });
  },
);

test('Ctrl+Z stops nobody: it says why, and the prompt still types', async () => {
  await using terminal = await Terminal.up();
  await terminal.shows(prompt);
  terminal.pty.write('\u001A');
  await terminal.shows('Ctrl+Z would leave every caller hanging');
  expect(terminal.text).toMatch(/console {2}http:\/\/127\.0\.0\.1:\d+\/console/);
  terminal.pty.write('status\r');
  await terminal.shows('healthy at http://127.0.0.1:');
  terminal.pty.write('quit\r');
  expect(await terminal.exited).toMatchObject({ exitCode: 0 });
});

test('quit leaves by the same path', async () => {
  await using terminal = await Terminal.up();
  await terminal.shows(prompt);
  terminal.pty.write('quit\r');
  expect(await terminal.exited).toMatchObject({ exitCode: 0 });
  expect(terminal.text).toContain('leaving (quit)');
});

test('Ctrl+D at the prompt is quit', async () => {
  await using terminal = await Terminal.up();
  await terminal.shows(prompt);
  terminal.pty.write('\u0004');
  expect(await terminal.exited).toMatchObject({ exitCode: 0 });
});

test('status, sessions and help answer; an unknown command is named with those there are', async () => {
  await using terminal = await Terminal.up();
  await terminal.shows(prompt);
  terminal.pty.write('status\r');
  await terminal.shows('healthy at http://127.0.0.1:');
  terminal.pty.write('sessions\r');
  await terminal.shows('no sessions');
  terminal.pty.write('help\r');
  await terminal.shows('who is connected');
  terminal.pty.write('frobnicate\r');
  await terminal.shows(
    'unknown command: frobnicate; there are status, sessions, restart, reload, quit, help',
  );
  terminal.pty.write('quit\r');
  expect(await terminal.exited).toMatchObject({ exitCode: 0 });
});

test('closing the terminal (SIGHUP) leaves nothing behind', async () => {
  await using terminal = await Terminal.up();
  await terminal.shows(prompt);
  terminal.pty.kill('SIGHUP');
  const { exitCode } = await terminal.exited;
  expect(exitCode).toBe(0);
});

test('closing the window, terminal and all, is a clean leaving too', async () => {
  await using terminal = await Terminal.up();
  await terminal.shows(prompt);
  terminal.closeWindow();
  const { exitCode } = await terminal.exited;
  const log = await readFile(`${terminal.folder.path}/.greenroom/logs/greenroom.log`, 'utf8');
  const report = log.trim().split('\n').at(-1);
  expect(report).toContain('"reason":"SIGHUP"');
  expect(report).toContain('"exitCode":0');
  expect(exitCode).toBe(0);
});

test('a terminal that takes nothing more holds the loop, and a signal ends it all the same', async () => {
  await using terminal = await Terminal.up();
  await terminal.shows(prompt);
  const { pid, url } = JSON.parse(await readFile(`${terminal.folder.path}/.greenroom/gateway.json`, 'utf8'));
  // As Ctrl+S does it.
  terminal.pty.pause();
  for (let line = 0; line < 2000; line += 1) terminal.pty.write('help\r');
  const held = () =>
    fetch(`${url}/healthz`, { signal: AbortSignal.timeout(500) }).then(
      () => false,
      () => true,
    );
  await until(held, { timeoutMs: 10_000, what: 'the loop to be held' });
  const askedMs = performance.now();
  process.kill(pid, 'SIGTERM');
  await until(() => !alive(pid), { timeoutMs: 5000, what: 'the gateway to be gone' });
  expect(performance.now() - askedMs).toBeLessThan(3300);
  terminal.pty.resume();
});
