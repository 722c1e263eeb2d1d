// `records` and `export` on the command line.
import type { Command } from 'commander';
import { GreenroomError } from '../../lifecycle/errors.ts';
import type { ExportOptions } from '../export.ts';
import { interruptible } from '../io.ts';
import type { RecordsOptions } from '../records.ts';

type Counted<Options, Name extends string> = Omit<Options, Name> & { readonly [name in Name]?: string };

export function recordsCommands(program: Command, done: (code: number) => void): void {
  program
    .command('records')
    .description('show the sessions that were kept, the newest first, or those in which something was said')
    .argument('[words...]', 'words that one of its items has; the beginning of a word will do')
    .option('--state <state>', 'open, ended or all (default: all)')
    .option('--pipeline <name>', 'of this pipeline')
    .option('--since <time>', 'opened at this time or later, such as 2026-01-31')
    .option('--until <time>', 'opened before this time')
    .option('--limit <n>', 'so many at most (default: 20)')
    .option('--url <url>', 'the gateway')
    .option('--data <dir>', 'data directory of the gateway')
    .option('--token <token>', 'token of the admin surface')
    .option('--json', 'one JSON object a line on standard output')
    .action(async (words: string[], { limit, ...options }: Counted<RecordsOptions, 'limit'>) => {
      const counted = { ...options, limit: wholeNumber('--limit', limit) };
      done(
        await interruptible(async (io) => {
          const { records } = await import('../records.ts');
          return records(words, counted, io);
        }),
      );
    });

  program
    .command('export')
    .description('write one session as a text, as subtitles (WebVTT) or as JSON')
    .argument('<session>', 'its id, as `records` shows it')
    .option('--format <format>', 'text, vtt or json (default: text)')
    .option('--take <n>', 'count times from the beginning of this recording')
    .option('--out <file>', 'default: standard output')
    .option('--url <url>', 'the gateway')
    .option('--data <dir>', 'data directory of the gateway')
    .option('--token <token>', 'token of the admin surface')
    .option('--json', 'with --out: one JSON object on standard output')
    .action(async (session: string, { take, ...options }: Counted<ExportOptions, 'take'>) => {
      const counted = { ...options, take: wholeNumber('--take', take) };
      done(
        await interruptible(async (io) => {
          const { exportSession } = await import('../export.ts');
          return exportSession(session, counted, io);
        }),
      );
    });
}

function wholeNumber(option: string, written: string | undefined): number | undefined {
  if (written === undefined) return undefined;
  if (/^[1-9]\d{0,8}$/.test(written)) return Number(written);
  const message = `${option}: expected a number from 1 on, got ${JSON.stringify(written)}`;
  throw new GreenroomError('bad_usage', message);
}
