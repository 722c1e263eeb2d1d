// What one key of an engine alone cannot tell: what its preset needs and what it cannot have, ports and addresses
// taken twice, variables that nobody fills in, engines of one group that would run at the same time.
import { builtinProblems } from './builtin-checks.ts';
import { isLoopback } from './listen.ts';
import type { RawEngine } from './normalise-engines.ts';
import { presetProblems } from './preset-checks.ts';
import { presets } from './presets.ts';
import { type Problem, problemAt } from './problems.ts';
import type { RawConfig } from './schema.ts';
import { builtinOffers } from './schema-engines.ts';
import { didYouMean } from './suggest.ts';
import type { CapabilityName } from './types.ts';

/** Variables of a command line. */
const variables = ['port', 'host', 'address', 'socket', 'model', 'instance'];

/** A path of a socket is shorter, whatever the system: 104 bytes with the one that ends it, on macOS. */
const socketPathBytesMax = 103;

/** What an engine can do: undefined where only loading it tells. A program that declares nothing offers HTTP only. */
export function offersOf(engine: RawEngine): readonly CapabilityName[] | undefined {
  if ('preset' in engine) return engine.offers ?? presets[engine.preset].offers(engine.args);
  if ('builtin' in engine) return builtinOffers[engine.builtin];
  return 'worker' in engine ? engine.offers : (engine.offers ?? []);
}

export function engineProblems(config: RawConfig): Problem[] {
  const { engines = {} } = config;
  return [
    ...Object.entries(engines).flatMap(([name, engine]) => [
      ...('preset' in engine ? presetProblems(name, engine) : []),
      ...builtinProblems(name, engine),
      ...programProblems(name, engine),
      ...generateProblems(name, engine),
      ...variableProblems(name, engine),
      ...doorProblems(name, engine, config),
    ]),
    ...portProblems(config),
    ...groupProblems(engines),
  ];
}

function programProblems(name: string, engine: RawEngine): Problem[] {
  if (!('port' in engine)) return [];
  const problems: Problem[] = [];
  const { socket } = engine;
  if (socket !== undefined && engine.port !== 'auto')
    problems.push(problemAt(['engines', name, 'socket'], '`port` and `socket`: it listens on one of them'));
  if (socket !== undefined && Buffer.byteLength(socket) > socketPathBytesMax)
    problems.push(
      problemAt(
        ['engines', name, 'socket'],
        `a path of a socket has at most ${socketPathBytesMax} bytes, this one has ${Buffer.byteLength(socket)}`,
      ),
    );
  if (!('run' in engine) || engine.model !== undefined) return problems;
  if (engine.exclusive)
    problems.push(problemAt(['engines', name, 'exclusive'], '`exclusive` is of a `model`, which is missing'));
  if (engine.format !== undefined)
    problems.push(problemAt(['engines', name, 'format'], '`format` is of a `model`, which is missing'));
  return problems;
}

function generateProblems(name: string, engine: RawEngine): Problem[] {
  if (!('generate' in engine.ready) || engine.ready.generate !== true) return [];
  const asked = offersOf(engine)?.filter((word) => word !== 'vad') ?? [];
  if (asked.length > 0) return [];
  const message = '`generate` needs `offers`: what it is to be asked (chat, transcribe, speak, embed)';
  return [problemAt(['engines', name, 'ready', 'generate'], message)];
}

/** `${…}` may be the shell's own; one that is nearly ours is a mistake. */
function variableProblems(name: string, engine: RawEngine): Problem[] {
  const lists: readonly [string, readonly string[]][] =
    'run' in engine ? [['run', engine.run]] : 'preset' in engine ? [['args', engine.args]] : [];
  return lists.flatMap(([key, list]) =>
    list.flatMap((argument, index) =>
      [...argument.matchAll(/\$\{(\w+)\}/g)].flatMap(([written, variable = '']) => {
        const path = ['engines', name, key, index];
        if (variable === 'socket' && !('socket' in engine && engine.socket))
          return [problemAt(path, `${written} needs \`socket: auto\`, or a path`)];
        const hint = variables.includes(variable) ? '' : didYouMean(variable, variables);
        return hint ? [problemAt(path, `${written} is not filled in${hint}`)] : [];
      }),
    ),
  );
}

/** A gateway that asks itself waits for itself. */
function doorProblems(name: string, engine: RawEngine, { listen }: RawConfig): Problem[] {
  if (!('url' in engine) || engine.url === undefined) return [];
  const url = new URL(engine.url);
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  const here = isLoopback(url.hostname.replace(/^\[|\]$/g, '')) || url.hostname === listen.host;
  if (!here || port !== listen.port) return [];
  return [problemAt(['engines', name, 'url'], `${engine.url} is the door of greenroom itself (\`listen\`)`)];
}

function portProblems({ engines = {}, listen }: RawConfig): Problem[] {
  const owners = new Map<number, string>([[listen.port, 'the door (`listen`)']]);
  const problems: Problem[] = [];
  for (const [name, engine] of Object.entries(engines)) {
    if (!('port' in engine) || engine.port === 'auto') continue;
    const owner = owners.get(engine.port);
    if (owner !== undefined)
      problems.push(problemAt(['engines', name, 'port'], `${engine.port} is taken by ${owner}`));
    owners.set(engine.port, `the engine "${name}"`);
  }
  return problems;
}

function groupProblems(engines: Readonly<Record<string, RawEngine>>): Problem[] {
  const eager = new Map<string, string>();
  return Object.entries(engines).flatMap(([name, engine]) => {
    if (!('group' in engine) || engine.group === undefined || engine.start !== 'eager') return [];
    const other = eager.get(engine.group);
    eager.set(engine.group, other ?? name);
    if (other === undefined) return [];
    const message = `"${other}" of the group "${engine.group}" is eager already, and one of a group is loaded at a time; make this one lazy`;
    return [problemAt(['engines', name, 'start'], message)];
  });
}
