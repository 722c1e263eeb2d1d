// The command line: which commands and options there are. Each command is a file of its own that returns its exit code.
import { Command, CommanderError } from 'commander';
import { parseDuration } from '../config/units.ts';
import { factsOf } from '../lifecycle/codes.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import { version } from '../version.ts';
import type { DoctorOptions } from './doctor.ts';
import type { EarlyDoor } from './early-door.ts';
import type { EventsCommandOptions } from './events.ts';
import type { ExecOptions } from './exec.ts';
import { wantsJson } from './finish.ts';
import { addGatewayCommands } from './gateway-commands.ts';
import { interruptible } from './io.ts';
import { failedEvent } from './json-events.ts';
import type { PlayOptions } from './play.ts';
import { printable } from './printable.ts';
import type { PsOptions } from './ps.ts';
import { recordsCommands } from './records/commands.ts';
import type { StopOptions } from './stop.ts';
import type { UpOptions } from './up.ts';

// A command is imported when Ctrl+C is heard already, since that takes a moment.

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
    .enablePositionalOptions()
    .configureOutput({
      writeOut: (text) => process.stdout.write(printable(text)),
      writeErr: (text) => process.stderr.write(printable(text)),
    })
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
    .option(
      '--model <file>',
      'run this model (GGUF) beside the embedded engines; without a configuration only',
    )
    .option('--openai', 'use OpenAI with the key of OPENAI_API_KEY; without a configuration only')
    .option('--no-discover', 'without a configuration: do not look what runs on this machine')
    .option('--json', 'one JSON object a line on standard output')
    .action(async (options: UpOptions) => {
      const { up } = await import('./up.ts');
      done(await up(options, early));
    });

  program
    .command('exec')
    .description('start engines, wait until they are ready, run a command, tear everything down')
    .argument('<command...>', 'the command and its arguments, after --')
    .option('-c, --config <file>', 'configuration, as for up')
    .option('--engine <name>', 'start this engine only; may be given again', collect)
    .option('--data <dir>', 'data directory (default: one of its own, removed at the end)')
    .option('--set <key=value>', 'one configuration key, dotted; may be given again', collect)
    .option('--json', "one JSON object a line on standard error: standard output is the command's")
    .passThroughOptions()
    .action(async (argv: string[], options: ExecOptions) => {
      const { exec } = await import('./exec.ts');
      done(await exec(argv, options));
    });

  program
    .command('wait')
    .description('wait until a running gateway is ready')
    .option('--timeout <duration>', 'how long', '60s')
    .option('--url <url>', 'the gateway')
    .option('--data <dir>', 'data directory of the gateway')
    .option('--json', 'one JSON object a line on standard output')
    .action(async (options: WaitFlags) => {
      done(
        await interruptible(async (io) => {
          const { wait } = await import('./wait.ts');
          return wait({ ...options, timeoutMs: duration('--timeout', options.timeout) }, io);
        }),
      );
    });

  program
    .command('ps')
    .description('show the gateway of a data directory, its engines and their processes')
    .option('--data <dir>', 'data directory of the gateway')
    .option('--url <url>', 'the gateway, wherever it runs')
    .option('--token <token>', 'token of the caller surface')
    .option('--json', 'one JSON object a line on standard output')
    .action(async (options: PsOptions) => {
      done(
        await interruptible(async (io) => {
          const { ps } = await import('./ps.ts');
          return ps(options, io);
        }),
      );
    });

  addGatewayCommands(program, done);

  program
    .command('stop')
    .description('ask the gateway of a data directory to leave, and wait until it is gone')
    .option('--force', 'ask twice, and kill it when time is up')
    .option('--timeout <duration>', 'how long (default: 10s, 3s with --force)')
    .option('--data <dir>', 'data directory of the gateway')
    .option('--token <token>', 'token of the admin surface, for a gateway within another program')
    .option('--json', 'one JSON object a line on standard output')
    .action(async ({ timeout, ...options }: StopFlags) => {
      // Whoever ends this one early wants nothing to be asked at all.
      const { stop } = await import('./stop.ts');
      const timeoutMs = timeout === undefined ? undefined : duration('--timeout', timeout);
      done(await interruptible((io) => stop({ ...options, timeoutMs }, io)));
    });

  program
    .command('doctor')
    .description(
      'look at everything that a start needs: configuration, ports, models, programs, what was left behind',
    )
    .option('-c, --config <file>', 'configuration')
    .option('--listen <host:port>', 'where the door would listen')
    .option('--data <dir>', 'data directory')
    .option('--set <key=value>', 'one configuration key, dotted; may be given again', collect)
    .option('--json', 'one JSON object a line on standard output')
    .action(async (options: DoctorOptions) => {
      const { doctor } = await import('./doctor.ts');
      done(await interruptible((io) => doctor(options, io)));
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
      done(
        await interruptible(async (io) => {
          const { talk } = await import('./talk.ts');
          return talk({ ...options, timeoutMs: duration('--timeout', options.timeout) }, io);
        }),
      );
    });

  program
    .command('play')
    .description(
      'play a recording back, in a call of its own or into a session, and show what is heard and answered',
    )
    .argument('<recording>', 'SESSION/TAKE')
    .option('--mode <mode>', 'full (as from the microphone), segments (turn by turn) or events (shown again)')
    .option('--speed <n>', '0 (as fast as it is answered), or 0.5 to 8 (default: 1)')
    .option('--session <id>', 'into this session')
    .option('--model <name>', 'pipeline of its own call (default: as recorded)')
    .option('--url <url>', 'the gateway')
    .option('--data <dir>', 'data directory of the gateway')
    .option('--token <token>', 'token of the admin surface')
    .option('--json', 'one JSON object a line on standard output')
    .action(async (recording: string, options: PlayOptions) => {
      const { play } = await import('./play.ts');
      done(await interruptible((io) => play(recording, options, io)));
    });

  program
    .command('events')
    .description('show what happens on a gateway, as it happens; or publish')
    .argument(
      '[topics...]',
      'names and patterns: * for one token, > at the end for all that follow (default: all that the token may)',
    )
    .option('--since <id>', 'everything after this event first')
    .option('--snapshot', 'the newest event of each topic first')
    .option('--count <n>', 'end after so many events')
    .option('--publish <file>', 'send the lines of this file, or a JSON document; - for standard input')
    .option('--topic <topic>', 'with --publish: each line is the data of an event of this topic')
    .option('--text', 'with --topic: the lines are texts, and need not be JSON')
    .option('--url <url>', 'the gateway')
    .option('--data <dir>', 'data directory of the gateway')
    .option('--token <token>', 'token of the caller surface')
    .option('--json', 'the events as they came, one JSON object a line')
    .action(async (topics: string[], { count, ...options }: EventsFlags) => {
      const limit = count === undefined ? undefined : wholeNumber('--count', count);
      done(
        await interruptible(async (io) => {
          const { events } = await import('./events.ts');
          return events(topics, { ...options, count: limit }, io);
        }),
      );
    });

  recordsCommands(program, done);

  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    // It has said what is wrong; help and version are no errors.
    if (thrown.exitCode === 0) return 0;
    if (wantsJson(argv))
      console.log(printable(JSON.stringify(failedEvent('bad_usage', plain(thrown.message)))));
    return factsOf('bad_usage').exit;
  }
  return exitCode;
}

interface StopFlags extends Omit<StopOptions, 'timeoutMs'> {
  readonly timeout?: string;
}

interface EventsFlags extends Omit<EventsCommandOptions, 'count'> {
  readonly count?: string;
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

/** What is wrong, without the word that begins it on the terminal. */
const plain = (message: string): string => message.replace(/^error: /, '').split('\n')[0] ?? '';

function wholeNumber(option: string, written: string): number {
  if (/^[1-9]\d{0,14}$/.test(written)) return Number(written);
  throw new GreenroomError(
    'bad_usage',
    `${option}: expected a number from 1 on, got ${JSON.stringify(written)}`,
  );
}

function duration(option: string, written: string): number {
  const parsed = parseDuration(written);
  if (parsed.ok) return parsed.value;
  throw new GreenroomError('bad_usage', `${option}: ${parsed.problem}`);
}
