// The prompt of a running gateway, and its commands. On a terminal readline takes Ctrl+C for itself: it is handed to
// the shutdown. From a pipe the same commands are read line by line, and the end of input is no reason to stop.
import { createInterface, type Interface } from 'node:readline';
import type { Gateway } from '../gateway/gateway.ts';
import { LiveScreen } from './live-screen.ts';
import { printable } from './printable.ts';
import { engineLine, type Screen, seconds } from './screen.ts';

export interface Console {
  /** Shows the prompt. */
  open(): void;
  close(): void;
}

interface ConsoleCommand {
  readonly does: string;
  run(gateway: Gateway, say: (line: string) => void): void;
}

const commands: Readonly<Record<string, ConsoleCommand>> = {
  status: {
    does: 'the gateway and its engines',
    run(gateway, say) {
      const engines = gateway.engines();
      const width = Math.max(0, ...engines.map(({ name }) => name.length));
      say(`${gateway.status} at ${gateway.url}, sessions: ${gateway.sessions().length}`);
      for (const engine of engines) say(`  ${engineLine(engine, width)}`);
    },
  },
  sessions: {
    does: 'who is connected',
    run(gateway, say) {
      const sessions = gateway.sessions();
      if (sessions.length === 0) say('no sessions');
      for (const { id, pipeline, state, ageMs, remote, items } of sessions) {
        say(`  ${id}  ${pipeline}  ${state}  for ${seconds(ageMs)}  ${items} items  from ${remote}`);
      }
    },
  },
  quit: { does: 'leave', run: (gateway) => void gateway.shutdown.request('quit') },
  help: {
    does: 'this list',
    run(_, say) {
      for (const [name, { does }] of Object.entries(commands)) say(`  ${name.padEnd(10)}${does}`);
    },
  },
};

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
    obey(line.trim(), gateway, say);
    if (state === 'open' && gateway.shutdown.state === 'running') input.prompt();
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

function obey(line: string, gateway: Gateway, say: (line: string) => void): void {
  const [word = '', ...rest] = line.split(/\s+/);
  if (word === '') return;
  const command = Object.hasOwn(commands, word) ? commands[word] : undefined;
  if (!command) say(`unknown command: ${word}; there are ${Object.keys(commands).join(', ')}`);
  else if (rest.length > 0) say(`${word} takes no arguments: ${rest.join(' ')}`);
  else command.run(gateway, say);
}

function aroundPrompt(input: Interface, write: () => void): void {
  process.stderr.write('\r\u001B[K');
  write();
  input.prompt(true);
}

function complete(line: string): [string[], string] {
  const hits = Object.keys(commands).filter((name) => name.startsWith(line));
  return [hits, line];
}
