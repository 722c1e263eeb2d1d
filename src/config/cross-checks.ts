// What one key alone cannot tell: names that refer to nothing, engines that cannot do what a pipeline asks of them or
// cannot be loaded together, a door that is open to others without a lock.
import { pipelineVoiceProblems } from './builtin-checks.ts';
import { engineProblems, offersOf } from './engine-checks.ts';
import { formatListen, isLoopback } from './listen.ts';
import { partsOf, type RawPipeline, taskEnginesOf, vadOf } from './pipeline-engines.ts';
import { type Path, type Problem, problemAt } from './problems.ts';
import type { RawConfig } from './schema.ts';
import { didYouMean } from './suggest.ts';
import type { CapabilityName } from './types.ts';
import { formatDuration, formatSize } from './units.ts';

export function crossCheck(
  config: RawConfig,
  { pipelinesEmbedded }: { readonly pipelinesEmbedded: boolean },
): Problem[] {
  const hint = pipelinesEmbedded
    ? ' (of the embedded pipelines; write your own, or `pipelines: {}` for none)'
    : '';
  return [
    ...listenProblems(config),
    ...pipelineProblems(config, hint),
    ...pipelineVoiceProblems(config),
    ...aliasProblems(config),
    ...engineProblems(config),
    ...audioProblems(config),
    ...slowProblems(config),
  ];
}

function slowProblems({ events: { slow } }: RawConfig): Problem[] {
  if (slow.warn < slow.act) return [];
  const message = `a watcher is warned before it is dealt with: expected less than events.slow.act (${formatDuration(slow.act)}), got ${formatDuration(slow.warn)}`;
  return [problemAt(['events', 'slow', 'warn'], message)];
}

function listenProblems({ listen, auth }: RawConfig): Problem[] {
  if (isLoopback(listen.host)) return [];
  const missing = [
    ...(auth.tokens.length === 0 ? ['auth.tokens'] : []),
    ...(auth.admin.length === 0 ? ['auth.admin'] : []),
  ];
  if (missing.length === 0) return [];
  const reach = `${formatListen(listen)} can be reached from other machines, and without ${missing.join(' and ')}`;
  const harm = `anyone there may ${missing.includes('auth.tokens') ? 'call' : 'administer'}`;
  return [
    problemAt(
      ['listen'],
      `${reach} ${harm}; set ${missing.length > 1 ? 'them' : 'it'}, or listen on 127.0.0.1`,
    ),
  ];
}

function pipelineProblems({ pipelines = {}, engines = {} }: RawConfig, hint: string): Problem[] {
  const problems: Problem[] = [];
  const check = (path: Path, name: string, needed: CapabilityName | undefined): void => {
    const engine = Object.hasOwn(engines, name) ? engines[name] : undefined;
    if (engine === undefined) {
      problems.push(problemAt(path, `${unknownName('engine', name, Object.keys(engines))}${hint}`));
      return;
    }
    const offers = offersOf(engine);
    if (needed === undefined || offers === undefined || offers.includes(needed)) return;
    const offered = offers.length > 0 ? `offers ${offers.join(', ')}` : 'declares no `offers`';
    problems.push(problemAt(path, `the engine "${name}" ${offered}, but \`${needed}\` is needed${hint}`));
  };
  for (const [name, pipeline] of Object.entries(pipelines)) {
    for (const { key, engine, needed } of partsOf(pipeline)) check(['pipelines', name, key], engine, needed);
    for (const { task, engine } of taskEnginesOf(pipeline))
      check(['pipelines', name, 'tasks', task, 'think'], engine, 'chat');
    problems.push(...sharedTools(name, pipeline));
    problems.push(...vadProblems(name, pipeline, engines));
    pipeline.needs.forEach((engine, index) => {
      check(['pipelines', name, 'needs', index], engine, undefined);
    });
    problems.push(...sharedGroups(name, pipeline, engines));
  }
  const names = Object.keys(pipelines);
  if (names.length > 1 && !names.includes('default')) {
    const message = `one of several pipelines is named \`default\`: it answers when no model is asked for`;
    problems.push(problemAt(['pipelines'], `${message} (there are: ${names.join(', ')})`));
  }
  return problems;
}

/** Who hears has to know when somebody speaks, and the other way round. */
function vadProblems(name: string, pipeline: RawPipeline, engines: RawConfig['engines']): Problem[] {
  if (pipeline.kind !== 'cascade') return [];
  const { hear, vad } = pipeline;
  if (hear === undefined && vad !== undefined)
    return [problemAt(['pipelines', name, 'vad'], '`vad` is for `hear`, which is missing')];
  if (hear === undefined || vadOf(pipeline, engines) !== undefined) return [];
  const message =
    'is missing: `hear` needs to know when somebody speaks; name an engine that offers `vad`, such as { builtin: silero }';
  return [problemAt(['pipelines', name, 'vad'], message)];
}

/** Which of them was meant could not be told. */
function sharedTools(name: string, pipeline: RawPipeline): Problem[] {
  if (pipeline.kind === 'echo') return [];
  const owners = new Map<string, string>();
  return Object.entries(pipeline.tasks).flatMap(([task, { tool }]) => {
    const owner = tool === undefined ? undefined : owners.get(tool);
    if (tool !== undefined) owners.set(tool, owner ?? task);
    if (owner === undefined) return [];
    const message = `the function ${tool} triggers ${owner} already; each task has its own`;
    return [problemAt(['pipelines', name, 'tasks', task, 'tool'], message)];
  });
}

/** A pipeline whose engines exclude each other would never be ready. */
function sharedGroups(
  name: string,
  pipeline: RawPipeline,
  engines: NonNullable<RawConfig['engines']>,
): Problem[] {
  const needed: readonly [Path, string][] = [
    ...partsOf(pipeline).map(({ key, engine }): [Path, string] => [[key], engine]),
    ...pipeline.needs.map((engine, index): [Path, string] => [['needs', index], engine]),
    // Its other engines are held while a session is open: it would never have its turn.
    ...taskEnginesOf(pipeline).map(({ task, engine }): [Path, string] => [['tasks', task, 'think'], engine]),
  ];
  const loaded = new Map<string, string>();
  return needed.flatMap(([path, engine]) => {
    const found = Object.hasOwn(engines, engine) ? engines[engine] : undefined;
    if (found === undefined || !('group' in found) || found.group === undefined) return [];
    const other = loaded.get(found.group);
    loaded.set(found.group, other ?? engine);
    if (other === undefined || other === engine) return [];
    const message = `"${engine}" and "${other}" are of one group, "${found.group}": one of them is loaded at a time`;
    return [problemAt(['pipelines', name, ...path], message)];
  });
}

function aliasProblems({ aliases, pipelines = {} }: RawConfig): Problem[] {
  return Object.entries(aliases)
    .filter(([, pipeline]) => !Object.hasOwn(pipelines, pipeline))
    .map(([glob, name]) =>
      problemAt(['aliases', glob], unknownName('pipeline', name, Object.keys(pipelines))),
    );
}

function audioProblems({ sessions }: RawConfig): Problem[] {
  const { bytes, bytesTotal } = sessions.lobby.audio;
  if (bytes <= bytesTotal) return [];
  const message = `${formatSize(bytes)} for one session is more than bytesTotal, ${formatSize(bytesTotal)}, for all`;
  return [problemAt(['sessions', 'lobby', 'audio', 'bytes'], message)];
}

function unknownName(what: string, name: string, known: readonly string[]): string {
  const list = known.length > 0 ? `there are: ${known.join(', ')}` : 'there are none';
  return `no ${what} is named ${JSON.stringify(name.slice(0, 64))}; ${list}${didYouMean(name, known)}`;
}
