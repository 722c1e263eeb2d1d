// The commands that look after a gateway that runs: what its prompt takes as well.
import { type Command, Option } from 'commander';
import { interruptible } from './io.ts';
import type { ReloadOptions } from './reload.ts';
import type { RestartOptions } from './restart.ts';
import type { RunningOptions } from './running-gateway.ts';

export function addGatewayCommands(program: Command, done: (exitCode: number) => void): void {
  gatewayCommand(program, 'status', 'show how a running gateway stands: its engines and pipelines').action(
    async (options: RunningOptions) =>
      done(
        await interruptible(async (io) => {
          const { status } = await import('./status.ts');
          return status(options, io);
        }),
      ),
  );
  gatewayCommand(program, 'sessions', 'show who is connected to a running gateway').action(
    async (options: RunningOptions) =>
      done(
        await interruptible(async (io) => {
          const { sessions } = await import('./status.ts');
          return sessions(options, io);
        }),
      ),
  );
  gatewayCommand(program, 'restart', 'build a pipeline of a running gateway anew; its calls keep theirs')
    .argument('[pipeline]', 'which (default: all)')
    .option('--engines', 'start its engines anew as well')
    .addOption(
      new Option(
        '--mode <mode>',
        'replace: new calls wait for the next; seamless: they get the old one',
      ).choices(['replace', 'seamless']),
    )
    .option('--no-wait', 'do not wait until it is ready')
    .action(async (pipeline: string | undefined, options: RestartOptions) =>
      done(
        await interruptible(async (io) => {
          const { restart } = await import('./restart.ts');
          return restart(pipeline, options, io);
        }),
      ),
    );
  gatewayCommand(program, 'reload', 'have a running gateway read its configuration again')
    .option('--dry-run', 'only show what is different')
    .action(async (options: ReloadOptions) =>
      done(
        await interruptible(async (io) => {
          const { reload } = await import('./reload.ts');
          return reload(options, io);
        }),
      ),
    );
}

function gatewayCommand(program: Command, name: string, does: string): Command {
  return program
    .command(name)
    .description(does)
    .option('--url <url>', 'the gateway')
    .option('--data <dir>', 'data directory of the gateway')
    .option('--token <token>', 'token of the admin surface')
    .option('--json', 'one JSON object a line on standard output');
}
