// `greenroom restart`: the next generation of one pipeline of a running gateway, or of all, and what becomes of it.
import type { PipelineShown } from '../gateway/pipeline-facts.ts';
import type { Restarted } from '../gateway/restarts.ts';
import { delay } from '../lifecycle/clock.ts';
import { factsOf } from '../lifecycle/codes.ts';
import { restartLines } from './change-lines.ts';
import type { CommandIo } from './io.ts';
import { failedEvent } from './json-events.ts';
import { type AskGateway, type RunningOptions, withGateway } from './running-gateway.ts';

export interface RestartOptions extends RunningOptions {
  readonly mode?: string | undefined;
  readonly engines?: boolean | undefined;
  /** Whether what becomes of it is waited for. Default true. */
  readonly wait?: boolean | undefined;
}

type Outcome =
  | { readonly state: 'ready' | 'waiting' }
  | { readonly state: 'failed'; readonly code: string; readonly message: string };

const lookEveryMs = 200;

/** Returns 0 when the next is ready, 69 when it has failed. Throws what the gateway refuses it with. */
export function restart(
  pipeline: string | undefined,
  { mode, engines, wait = true, ...options }: RestartOptions,
  io: CommandIo,
): Promise<number> {
  return withGateway(options, io, async (askGateway, scope) => {
    const request = { ...(mode !== undefined && { mode }), ...(engines && { engines }) };
    const begun: readonly Restarted[] =
      pipeline === undefined
        ? (await askGateway<{ data: readonly Restarted[] }>('/api/restart', request)).data
        : [await askGateway(`${pathOf(pipeline)}/restart`, request)];
    for (const one of begun) {
      if (options.json) io.out(JSON.stringify({ event: 'restarted', ...one }));
      for (const line of restartLines(one)) io.err(line);
    }
    if (!wait) return 0;
    let exitCode = 0;
    for (const { generation, pipeline: shown } of begun) {
      const { name } = shown;
      let now = shown;
      while (outcomeOf(now, generation).state === 'waiting') {
        await delay(scope.clock, lookEveryMs, scope.signal);
        now = await look(askGateway, name);
      }
      exitCode = Math.max(exitCode, tell(outcomeOf(now, generation), now, generation, options, io));
    }
    return exitCode;
  });
}

const pathOf = (pipeline: string): string => `/api/pipelines/${encodeURIComponent(pipeline)}`;

const look = (askGateway: AskGateway, name: string): Promise<PipelineShown> => askGateway(pathOf(name));

/** What became of a generation; of one that another has followed, that it is over. */
function outcomeOf(shown: PipelineShown, generation: number): Outcome {
  const { failure, state, name } = shown;
  if (failure?.generation === generation) return { state: 'failed', ...failure };
  const there = shown.generations.find(({ number }) => number === generation);
  if (there?.state === 'building') return { state: 'waiting' };
  if (shown.generation !== generation) {
    const message = `generation ${generation} of pipeline ${name} was given up for generation ${shown.generation}`;
    return { state: 'failed', code: 'restart_under_way', message };
  }
  if (state !== 'failed') return { state: state === 'ready' ? 'ready' : 'waiting' };
  const broken = there?.engines.filter((engine) => ['failed', 'stopped'].includes(engine.state)) ?? [];
  const message = `generation ${generation} of pipeline ${name} cannot answer: ${broken.map((engine) => `engine ${engine.name} is ${engine.state}`).join(', ')}; \`greenroom status\` says why`;
  return { state: 'failed', code: 'not_ready', message };
}

/** @returns the exit code */
function tell(
  outcome: Outcome,
  { name }: PipelineShown,
  generation: number,
  { json }: RestartOptions,
  io: CommandIo,
): number {
  if (outcome.state === 'failed') {
    if (json) io.out(JSON.stringify({ ...failedEvent(outcome.code, outcome.message), pipeline: name }));
    io.err(`${outcome.message} [${outcome.code}]`);
    return factsOf('not_ready').exit;
  }
  if (json) io.out(JSON.stringify({ event: 'ready', pipeline: name, generation }));
  io.err(`pipeline ${name}: generation ${generation} is ready`);
  return 0;
}
