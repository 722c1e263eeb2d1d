// The commands of the prompt: what may be typed, and what it does.
import type { Gateway } from '../gateway/gateway.ts';
import type { RestartRequest } from '../gateway/restarts.ts';
import { toGreenroomError } from '../lifecycle/errors.ts';
import { pipelineLines, reloadLines, restartLines, sessionLines } from './change-lines.ts';
import { engineLine } from './screen.ts';

type Say = (line: string) => void;

interface ConsoleCommand {
  readonly does: string;
  /** What may follow; left out: nothing. */
  readonly takes?: string;
  run(gateway: Gateway, say: Say, words: readonly string[]): void | Promise<void>;
}

const commands: Readonly<Record<string, ConsoleCommand>> = {
  status: {
    does: 'the gateway, its engines and pipelines',
    run(gateway, say) {
      const engines = gateway.engines();
      const width = Math.max(0, ...engines.map(({ name }) => name.length));
      say(`${gateway.status} at ${gateway.url}, sessions: ${gateway.sessions().length}`);
      for (const engine of engines) say(`  ${engineLine(engine, width)}`);
      for (const line of pipelineLines(gateway.changes.restarts.list())) say(line);
    },
  },
  sessions: {
    does: 'who is connected',
    run(gateway, say) {
      for (const line of sessionLines(gateway.sessions())) say(line);
    },
  },
  restart: {
    does: 'the next generation of a pipeline, or of all; calls keep theirs',
    takes: '[PIPELINE] [--engines] [--seamless]',
    async run({ changes: { restarts } }, say, words) {
      const [names, flags] = split(words);
      const unknown = flags.filter((flag) => !['--engines', '--seamless'].includes(flag));
      if (unknown.length > 0)
        return say(`restart has no option ${unknown.join(', ')}; ${usageOf('restart')}`);
      if (names.length > 1) return say(`restart takes one pipeline, or none for all; ${usageOf('restart')}`);
      const mode = flags.includes('--seamless') ? 'seamless' : 'replace';
      const request: RestartRequest = { mode, engines: flags.includes('--engines') };
      const [name] = names;
      const begun =
        name === undefined ? await restarts.restartAll(request) : [await restarts.restart(name, request)];
      for (const one of begun) for (const line of restartLines(one)) say(line);
    },
  },
  reload: {
    does: 'read the configuration again, and apply what is different',
    takes: '[--dry-run]',
    async run({ changes: { reloads } }, say, words) {
      if (words.some((word) => word !== '--dry-run'))
        return say(`reload has no option ${words.join(' ')}; ${usageOf('reload')}`);
      for (const line of reloadLines(await reloads.reload({ dryRun: words.length > 0 }))) say(line);
    },
  },
  quit: { does: 'leave', run: (gateway) => void gateway.shutdown.request('quit') },
  help: {
    does: 'this list',
    run(_, say) {
      const shown = Object.entries(commands).map(([name, { takes, does }]) => [
        takes === undefined ? name : `${name} ${takes}`,
        does,
      ]);
      const width = Math.max(...shown.map(([usage = '']) => usage.length));
      for (const [usage = '', does] of shown) say(`  ${usage.padEnd(width)}  ${does}`);
    },
  },
};

export const commandNames: readonly string[] = Object.keys(commands);

/** One line that was typed. What goes wrong is said; it never throws. Resolves when it is done. */
export async function obey(line: string, gateway: Gateway, say: Say): Promise<void> {
  const [word = '', ...rest] = line.trim().split(/\s+/);
  if (word === '') return;
  const command = Object.hasOwn(commands, word) ? commands[word] : undefined;
  if (!command) return say(`unknown command: ${word}; there are ${commandNames.join(', ')}`);
  if (rest.length > 0 && command.takes === undefined)
    return say(`${word} takes no arguments: ${rest.join(' ')}`);
  try {
    await command.run(gateway, say, rest);
  } catch (thrown) {
    const { code, message } = toGreenroomError(thrown);
    say(`${word}: ${message} [${code}]`);
  }
}

const usageOf = (name: string): string => `usage: ${name} ${commands[name]?.takes ?? ''}`;

function split(words: readonly string[]): readonly [readonly string[], readonly string[]] {
  const isFlag = (word: string) => word.startsWith('-');
  return [words.filter((word) => !isFlag(word)), words.filter(isFlag)];
}
