// What one key alone cannot tell: names that refer to nothing, engines that cannot do what a pipeline asks of them,
// ports taken twice, a door that is open to others without a lock.
import { formatListen, isLoopback } from './listen.ts';
import type { Path, Problem } from './problems.ts';
import type { RawConfig } from './schema.ts';
import { builtinOffers } from './schema-engines.ts';
import { didYouMean } from './suggest.ts';
import type { CapabilityName } from './types.ts';
import { formatSize } from './units.ts';

type RawEngine = NonNullable<RawConfig['engines']>[string];

/** What an engine can do: undefined where only loading it tells. A program that declares nothing offers HTTP only. */
export function offersOf(engine: RawEngine): readonly CapabilityName[] | undefined {
  if ('builtin' in engine) return builtinOffers[engine.builtin];
  return 'run' in engine ? (engine.offers ?? []) : engine.offers;
}

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
    ...aliasProblems(config),
    ...portProblems(config),
    ...variableProblems(config),
    ...audioProblems(config),
  ];
}

const problem = (path: Path, message: string): Problem => ({ path, message, at: 'value' });

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
    problem(
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
      problems.push(problem(path, `${unknownName('engine', name, Object.keys(engines))}${hint}`));
      return;
    }
    const offers = offersOf(engine);
    if (needed === undefined || offers === undefined || offers.includes(needed)) return;
    const offered = offers.length > 0 ? `offers ${offers.join(', ')}` : 'declares no `offers`';
    problems.push(problem(path, `the engine "${name}" ${offered}, but \`${needed}\` is needed${hint}`));
  };
  for (const [name, pipeline] of Object.entries(pipelines)) {
    check(['pipelines', name, 'speak'], pipeline.speak, 'speak');
    check(['pipelines', name, 'vad'], pipeline.vad, 'vad');
    pipeline.needs.forEach((engine, index) => {
      check(['pipelines', name, 'needs', index], engine, undefined);
    });
  }
  const names = Object.keys(pipelines);
  if (names.length > 1 && !names.includes('default')) {
    const message = `one of several pipelines is named \`default\`: it answers when no model is asked for`;
    problems.push(problem(['pipelines'], `${message} (there are: ${names.join(', ')})`));
  }
  return problems;
}

function aliasProblems({ aliases, pipelines = {} }: RawConfig): Problem[] {
  return Object.entries(aliases)
    .filter(([, pipeline]) => !Object.hasOwn(pipelines, pipeline))
    .map(([glob, name]) => problem(['aliases', glob], unknownName('pipeline', name, Object.keys(pipelines))));
}

function portProblems({ engines = {}, listen }: RawConfig): Problem[] {
  const owners = new Map<number, string>([[listen.port, 'the door (`listen`)']]);
  const problems: Problem[] = [];
  for (const [name, engine] of Object.entries(engines)) {
    if (!('run' in engine) || engine.port === 'auto') continue;
    const owner = owners.get(engine.port);
    if (owner !== undefined)
      problems.push(problem(['engines', name, 'port'], `${engine.port} is taken by ${owner}`));
    owners.set(engine.port, `the engine "${name}"`);
  }
  return problems;
}

const runVariables = ['port', 'host'];

/** `${…}` may be the shell's own; one that is nearly ours is a mistake. */
function variableProblems({ engines = {} }: RawConfig): Problem[] {
  return Object.entries(engines).flatMap(([name, engine]) => {
    if (!('run' in engine)) return [];
    return engine.run.flatMap((argument, index) =>
      [...argument.matchAll(/\$\{(\w+)\}/g)].flatMap(([written, variable = '']) => {
        const hint = runVariables.includes(variable) ? '' : didYouMean(variable, runVariables);
        return hint ? [problem(['engines', name, 'run', index], `${written} is not filled in${hint}`)] : [];
      }),
    );
  });
}

function audioProblems({ sessions }: RawConfig): Problem[] {
  const { bytes, bytesTotal } = sessions.lobby.audio;
  if (bytes <= bytesTotal) return [];
  const message = `${formatSize(bytes)} for one session is more than bytesTotal, ${formatSize(bytesTotal)}, for all`;
  return [problem(['sessions', 'lobby', 'audio', 'bytes'], message)];
}

function unknownName(what: string, name: string, known: readonly string[]): string {
  const list = known.length > 0 ? `there are: ${known.join(', ')}` : 'there are none';
  return `no ${what} is named ${JSON.stringify(name.slice(0, 64))}; ${list}${didYouMean(name, known)}`;
}
