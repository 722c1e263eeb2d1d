// The command line: which commands and options there are. Each command is a file of its own that returns its exit code.
import { Command, CommanderError } from 'commander';
import { parseDuration } from '../config/units.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import { version } from '../version.ts';
import type { EarlyDoor } from './early-door.ts';
import { interruptible } from './io.ts';
import type { UpOptions } from './up.ts';

const collect = (value: string, before: readonly string[] = []) => [...before, value];

/** Returns the exit code. Throws what a command throws. */
export async function runProgram(argv: readonly string[], early?: EarlyDoor): Promise<number> {
  let exitCode = 0;
  const done = (code: number) => {
    exitCode = code;
  };
  const program = new Command('greenroom')
    .description('The real-time front door for AI engines.')
    .version(version)
    .exitOverride()
    .showHelpAfterError('(greenroom --help lists the commands)');

  program
    .command('up')
    .description('open the door, load the engines, serve')
    .option(
      '-c, --config <file>',
      'configuration (default: greenroom.yaml, .yml or .json here, else the built-in echo call)',
    )
    .option('--listen <host:port>', 'where the door listens')
    .option('--data <dir>', 'data directory')
    .option('--set <key=value>', 'one configuration key, dotted; may be given again', collect)
    .option('--json', 'one JSON object a line on standard output')
    .action(async (options: UpOptions) => {
      const { up } = await import('./up.ts');
      done(await up(options, early));
    });

  program
    .command('wait')
    .description('wait until a running gateway is ready')
    .option('--timeout <duration>', 'how long', '60s')
    .option('--url <url>', 'the gateway')
    .option('--data <dir>', 'data directory of the gateway')
    .option('--json', 'one JSON object a line on standard output')
    .action(async (options: WaitFlags) => {
      const { wait } = await import('./wait.ts');
      done(
        await interruptible((io) =>
          wait({ ...options, timeoutMs: duration('--timeout', options.timeout) }, io),
        ),
      );
    });

  program
    .command('talk')
    .description('call a gateway: speak into the microphone, or send a file or lines, and hear the answers')
    .option('--url <url>', 'the gateway')
    .option('--data <dir>', 'data directory of the gateway')
    .option('--file <wav>', 'speak this file')
    .option('--text <line>', 'say this line; may be given again', collect)
    .option('--out <wav>', 'write what is heard here')
    .option(
      '--mic <device|command>',
      'record from this device, or from what this command writes (raw PCM16, 24 kHz)',
    )
    .option('--no-mic', 'only type')
    .option('--no-play', 'show the answers, do not play them')
    .option('--push-to-talk', 'send the file at once and ask for the answer, without turn detection')
    .option('--model <name>', 'pipeline to call')
    .option('--token <token>', 'token of the caller surface')
    .option('--timeout <duration>', 'longest wait for anything', '60s')
    .option('--json', 'one JSON object a line on standard output')
    .action(async (options: TalkFlags) => {
      const { talk } = await import('./talk.ts');
      done(
        await interruptible((io) =>
          talk({ ...options, timeoutMs: duration('--timeout', options.timeout) }, io),
        ),
      );
    });

  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    // It has said what is wrong; help and version are no errors.
    return thrown.exitCode === 0 ? 0 : 2;
  }
  return exitCode;
}

interface WaitFlags {
  readonly timeout: string;
  readonly url?: string;
  readonly data?: string;
  readonly json?: true;
}

interface TalkFlags extends WaitFlags {
  readonly file?: string;
  readonly text?: readonly string[];
  readonly out?: string;
  readonly mic?: string | boolean;
  readonly play?: boolean;
  readonly pushToTalk?: true;
  readonly model?: string;
  readonly token?: string;
}

function duration(option: string, written: string): number {
  const parsed = parseDuration(written);
  if (parsed.ok) return parsed.value;
  throw new GreenroomError('bad_usage', `${option}: ${parsed.problem}`);
}
