// The prompt of a running gateway. On a terminal readline takes Ctrl+C for itself: it is handed to
// the shutdown. From a pipe the same commands are read line by line, and the end of input is no reason to stop.
import { createInterface, type Interface } from 'node:readline';
import type { Gateway } from '../gateway/gateway.ts';
import { commandNames, obey } from './console-commands.ts';
import { LiveScreen } from './live-screen.ts';
import { printable } from './printable.ts';
import type { Screen } from './screen.ts';

export interface Console {
  /** Shows the prompt. */
  open(): void;
  close(): void;
}

export function openConsole(gateway: Gateway, screen: Screen, options: { readonly json: boolean }): Console {
  const terminal = process.stdin.isTTY === true && screen instanceof LiveScreen;
  if (terminal) survive(process.stdin, () => gateway.shutdown.signal('SIGHUP'));
  const input = createInterface({
    input: process.stdin,
    ...(terminal && { output: process.stderr, prompt: 'greenroom> ', completer: complete }),
    terminal,
  });
  const say = options.json
    ? (line: string) => process.stderr.write(`${printable(line)}\n`)
    : (line: string) => screen.line(line);
  let state: 'waiting' | 'open' | 'closed' = 'waiting';
  input.on('line', (line) => {
    // What takes longer is said when it is known; the prompt is there again then.
    void obey(line, gateway, say).then(() => {
      if (state === 'open' && gateway.shutdown.state === 'running') input.prompt();
    });
  });
  input.on('SIGINT', () => gateway.shutdown.signal('SIGINT'));
  // Stopped, it would leave every caller hanging; and a terminal that was given back does not type any more.
  input.on('SIGTSTP', () => say('Ctrl+Z would leave every caller hanging: use another terminal, or quit'));
  input.on('close', () => {
    const before = state;
    state = 'closed';
    if (screen instanceof LiveScreen) screen.aroundPrompt = undefined;
    // Ctrl+D at the prompt; a pipe that ends says nothing.
    if (terminal && before !== 'closed') void gateway.shutdown.request('quit');
  });
  // A gateway is held by its door, not by whoever might type.
  if (!terminal) (process.stdin as unknown as { unref?: () => void }).unref?.();
  return {
    open() {
      if (!terminal || state !== 'waiting' || gateway.shutdown.state !== 'running') return;
      state = 'open';
      if (screen instanceof LiveScreen) screen.aroundPrompt = (write) => aroundPrompt(input, write);
      input.prompt();
    },
    close() {
      state = 'closed';
      input.close();
      process.stdin.destroy();
    },
  };
}

/**
 * A terminal that is gone can neither be read nor given back as it was, and readline tries both. The signal that says
 * so may come later than its failures.
 */
function survive(stdin: NodeJS.ReadStream, onGone: () => void): void {
  const setRawMode = stdin.setRawMode.bind(stdin);
  stdin.setRawMode = (mode) => {
    try {
      setRawMode(mode);
    } catch {
      onGone();
    }
    return stdin;
  };
  stdin.on('error', onGone);
}

function aroundPrompt(input: Interface, write: () => void): void {
  process.stderr.write('\r\u001B[K');
  write();
  input.prompt(true);
}

function complete(line: string): [string[], string] {
  const hits = commandNames.filter((name) => name.startsWith(line));
  return [hits, line];
}
