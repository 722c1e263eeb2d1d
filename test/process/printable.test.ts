// A server that means to command the terminal of its callers: whatever it says, and whatever is typed, is only shown.
import { expect, test } from 'vitest';
import { bin } from '../support/gateway-process.ts';
import { Terminal } from '../support/terminal.ts';
import { begin, done, greet, onAsk } from '../unit/cli/fake-echo.ts';
import { type FakeBehaviour, fakeGateway } from '../unit/client/fake-gateway.ts';

const command = 'hear\u001b[2J\u001b]0;mine\u0007\u009b5n\u202eme';
const shown = 'hear\\u001b[2J\\u001b]0;mine\\u0007\\u009b5n\\u202eme';
/** Colours, the line that is drawn anew, the cursor. */
const ours = /\u001b\[(?:[\d;]*m|2K|3C|\?25[hl])/g;

function expectHarmless(terminal: Terminal, times: number): void {
  const shownTimes = terminal.raw.split(shown).length - 1;
  expect(shownTimes).toBeGreaterThanOrEqual(times);
  expect(terminal.raw.replaceAll(ours, '')).not.toMatch(/(?![\r\n])\p{Cc}|[\u202a-\u202e]/u);
}

const talk = (...args: readonly string[]) => Terminal.run([process.execPath, bin, 'talk', ...args]);

const hostile: FakeBehaviour = onAsk((_event, call) => {
  const error = { type: 'server_error', code: command, message: command, param: null, event_id: null };
  call.send({ type: 'error', error });
  call.send({ type: 'greenroom.notice', code: command, message: command, retry_ms: null });
  begin(call, 'resp_1', command, 240);
  done(call, 'resp_1', { status: 'failed', status_details: { error: { code: command, message: command } } });
});

test('a call that says a line', async () => {
  await using gateway = await fakeGateway(hostile);
  await using terminal = await talk('--url', gateway.url, '--text', 'hi', '--no-play');
  await terminal.exited;
  expectHarmless(terminal, 6);
});

test('a live call: what is said, what fails, what the lobby shows, what is typed', async () => {
  const engine = {
    name: command,
    state: 'starting',
    rung: command,
    progress: null,
    text: command,
    elapsed_ms: 1,
  };
  const waiting = { type: 'greenroom.lobby', state: 'waiting', engines: [{ ...engine, eta_ms: null }] };
  const lost = {
    type: 'greenroom.lobby',
    state: 'failed',
    engines: [],
    error: { code: 'x', message: command, log_tail: [command] },
  };
  await using gateway = await fakeGateway({
    onCall(call) {
      greet(call);
      call.send(waiting);
    },
    onEvent(event, call) {
      if (event.type === 'response.create') hostile.onEvent?.(event, call);
      if (event.type === 'input_audio_buffer.append') call.send(lost);
    },
  });
  await using terminal = await talk(
    '--url',
    gateway.url,
    '--mic',
    'head -c 9600 /dev/zero; sleep 30',
    '--no-play',
    '--text',
    command,
  );
  await terminal.exited;
  expectHarmless(terminal, 8);
});

test('a refusal, to `talk`, and the reason of an engine, to `wait`', async () => {
  const error = { code: 'not_ready', message: command };
  const failure = { code: command, message: command, logTail: [command] };
  const missing = [{ name: command, state: 'failed', rung: command, failure }];
  const body = { error: { ...error, details: { missing } } };
  await using gateway = await fakeGateway({ refusal: { status: 503, body } });
  await using refused = await talk('--url', gateway.url, '--text', 'hi');
  await refused.exited;
  expectHarmless(refused, 1);
  await using waited = await Terminal.run([process.execPath, bin, 'wait', '--url', gateway.url, '--json']);
  await waited.exited;
  expectHarmless(waited, 6);
});

test('a command line that is wrong', async () => {
  await using terminal = await talk(`--${command}`);
  await terminal.exited;
  expect(terminal.raw).toContain('error: unknown option');
  expectHarmless(terminal, 1);
});
