// What a preset needs, and what it cannot have: told with the key that is missing or too much.
import type { RawEngine } from './normalise-engines.ts';
import { presets } from './presets.ts';
import { type Problem, problemAt } from './problems.ts';

type RawPreset = Extract<RawEngine, { readonly preset: unknown }>;

/** Arguments by which programs are told where to listen, or whom to let in. */
const placeArguments = ['--host', '--port', '--uds'];

export function presetProblems(name: string, engine: RawPreset): Problem[] {
  const { start, url } = presets[engine.preset];
  if (engine.url !== undefined || start === undefined) return adoptedProblems(name, engine);
  return [...startedProblems(name, engine), ...(url === undefined ? [] : neverUnloaded(name, engine))];
}

/** Of one that is used as it is. */
function adoptedProblems(name: string, engine: RawPreset): Problem[] {
  const { title } = presets[engine.preset];
  const whose = engine.url === undefined ? `greenroom does not start ${title}` : 'with `url` none is started';
  const given: readonly [key: string, given: boolean][] = [
    ['program', engine.program !== undefined],
    ['args', engine.args.length > 0],
    ['env', Object.keys(engine.env).length > 0],
    ['cwd', engine.cwd !== undefined],
    ['port', engine.port !== 'auto'],
    ['socket', engine.socket !== undefined],
    ['exclusive', engine.exclusive],
  ];
  const problems = given
    .filter(([, isGiven]) => isGiven)
    .map(([key]) => problemAt(['engines', name, key], `\`${key}\` is for one that is started, and ${whose}`));
  if (engine.preset === 'openai' && engine.key === undefined)
    problems.push(problemAt(['engines', name, 'key'], 'is missing; such as env:OPENAI_API_KEY'));
  return [...problems, ...neverUnloaded(name, engine)];
}

function neverUnloaded(name: string, engine: RawPreset): Problem[] {
  return (['idle', 'group'] as const)
    .filter((key) => engine[key] !== undefined)
    .map((key) =>
      problemAt(
        ['engines', name, key],
        `\`${key}\` is for engines that greenroom loads and unloads; one that runs already is never stopped`,
      ),
    );
}

function startedProblems(name: string, engine: RawPreset): Problem[] {
  const { title, start, url } = presets[engine.preset];
  if (start === undefined) return [];
  const problems: Problem[] = [];
  const tell = (key: string, message: string): void => {
    problems.push(problemAt(['engines', name, key], message));
  };
  const brought = engine.args.some((word) => start.modelArguments.includes(word.split('=')[0] ?? ''));
  if (start.model !== 'none' && engine.model === undefined && !brought) {
    const what =
      start.model === 'file'
        ? `the file of the model that ${title} loads`
        : `the model, by its name or folder`;
    tell('model', `is missing; expected ${what} (or \`url\` of one that runs already)`);
  }
  if (start.program === undefined && engine.program === undefined)
    tell('url', 'is missing; expected the address of a server, or a `program` that is one');
  if (engine.key !== undefined && url === undefined)
    tell('key', '`key` is sent to one that runs already (`url`); this one is started');
  if (engine.socket !== undefined && !start.sockets)
    tell('socket', `${title} cannot listen on a UNIX socket; leave \`socket\` out`);
  if (engine.exclusive && start.model !== 'file')
    tell('exclusive', `\`exclusive\` is of the file of a model, and ${title} is not given one`);
  engine.args.forEach((word, index) => {
    const [argument = ''] = word.split('=');
    if (engine.preset !== 'generic' && placeArguments.includes(argument))
      problems.push(
        problemAt(
          ['engines', name, 'args', index],
          `greenroom says where it listens: use \`host\` and \`port\`${start.sockets ? ', or `socket`' : ''}`,
        ),
      );
  });
  return problems;
}
