// What people read of pipelines, sessions, restarts and reloads: at the prompt of a gateway, and of the commands that ask
// a running one. Pure.
import type { PipelineShown } from '../gateway/pipeline-facts.ts';
import type { GenerationChange } from '../gateway/pipeline-table.ts';
import type { Reloaded } from '../gateway/reloads.ts';
import type { Restarted } from '../gateway/restarts.ts';
import type { SessionFacts } from '../sessions/session-facts.ts';
import { seconds } from './screen.ts';

/** `default  echo  ready  generation 2, 1 session; generation 1 is draining, 3 sessions` */
function pipelineLine({ name, kind, state, generations, failure }: PipelineShown, nameWidth: number): string {
  const all = generations.toReversed().map(({ number, state: word, sessions }) => {
    const what = word === 'current' ? `generation ${number}` : `generation ${number} is ${word}`;
    return `${what}, ${counted(sessions)}`;
  });
  const why = failure ? [`generation ${failure.generation} came to nothing: ${failure.message}`] : [];
  return [name.padEnd(nameWidth), kind.padEnd(7), state.padEnd(7), [...all, ...why].join('; ')].join('  ');
}

export function pipelineLines(pipelines: readonly PipelineShown[]): readonly string[] {
  const width = Math.max(0, ...pipelines.map(({ name }) => name.length));
  return pipelines.map((pipeline) => `  ${pipelineLine(pipeline, width)}`);
}

export function sessionLines(sessions: readonly SessionFacts[]): readonly string[] {
  if (sessions.length === 0) return ['no sessions'];
  return sessions.map(({ id, pipeline, generation, state, ageMs, remote, items }) => {
    const whose = `${pipeline} (generation ${generation})`;
    return `  ${id}  ${whose}  ${state}  for ${seconds(ageMs)}  ${items} items  from ${remote}`;
  });
}

export function restartLines({ generation, engines, pipeline }: Restarted): readonly string[] {
  const current = pipeline.generation === generation;
  const staying = pipeline.generations.filter(({ state }) => state === 'draining');
  const count = staying.reduce((sum, { sessions }) => sum + sessions, 0);
  const what = current ? 'is current' : 'is being built; new calls get it when it is ready';
  const rest = count > 0 ? `; ${counted(count)} of before ${count === 1 ? 'goes' : 'go'} on` : '';
  return [`pipeline ${pipeline.name}: generation ${generation} ${what}${rest}`, ...engines.map(renewalLine)];
}

export function reloadLines({
  source,
  applied,
  differences,
  engines,
  pipelines,
}: Reloaded): readonly string[] {
  if (differences.length === 0) return [`${source}: nothing is different`];
  const lines = differences.map(({ path, change, keys, applies }) => {
    const what = keys.length > 0 ? `${change} (${keys.join(', ')})` : change;
    return `  ${path} ${what}${applies === 'start' ? ': holds only from the next start' : ''}`;
  });
  const built = pipelines.map(({ name, generation }) => `${name} (generation ${generation})`);
  return [
    `${source}: ${applied ? 'applied' : 'what is different'}`,
    ...lines,
    ...engines.map(renewalLine),
    ...(built.length > 0 ? [`  built anew: ${built.join(', ')}`] : []),
  ];
}

const ways = {
  beside: 'starts beside the old one, which ends with its last user',
  in_place: 'starts anew in its place, and its users wait',
  kept: 'stays as it is',
} as const;

function renewalLine({ name, way, why }: Restarted['engines'][number]): string {
  return `  engine ${name} ${ways[way]}${why === null ? '' : `: ${why}`}`;
}

/** What nobody has asked for at this moment, and may wait for; undefined: nothing to say. */
export function generationLine({
  pipeline,
  generation,
  state,
  before,
  failure,
}: GenerationChange): string | undefined {
  const whose = `pipeline ${pipeline}: generation ${generation}`;
  if (failure) return `${whose} came to nothing: ${failure.message} [${failure.code}]`;
  if (state === 'current' && before === 'building') return `${whose} is ready, and current`;
  if (state === 'closed' && before === 'draining') return `${whose} is closed: its last session has ended`;
  return undefined;
}

const counted = (sessions: number): string => `${sessions} ${sessions === 1 ? 'session' : 'sessions'}`;
