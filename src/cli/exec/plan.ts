// Which engines `exec` starts: all that start by themselves, or those that are named, with what they need.
import type { Config } from '../../config/types.ts';
import { GreenroomError } from '../../lifecycle/errors.ts';

/** Throws `bad_usage` for a name that there is not. Pipelines that need an engine which is left out are left out too. */
export function execConfig(config: Config, names: readonly string[] | undefined): Config {
  if (!names) return config;
  const known = Object.keys(config.engines);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const message = `--engine: no engine is named ${JSON.stringify(unknown.slice(0, 64))}; there are: ${known.join(', ')}`;
    throw new GreenroomError('bad_usage', message);
  }
  const pipelines = Object.entries(config.pipelines).filter(([, { needs }]) =>
    needs.every((engine) => names.includes(engine)),
  );
  const { defaultPipeline } = config;
  const kept = pipelines.map(([name]) => name);
  return {
    ...config,
    engines: nameless(names.map((name) => [name, { ...config.engines[name]!, start: 'eager' }])),
    pipelines: nameless(pipelines),
    defaultPipeline:
      defaultPipeline !== undefined && kept.includes(defaultPipeline) ? defaultPipeline : kept[0],
    aliases: config.aliases.filter(({ pipeline }) => kept.includes(pipeline)),
  };
}

/** As the edge makes them: without a prototype. */
function nameless<Value>(entries: readonly (readonly [string, Value])[]): Record<string, Value> {
  return Object.assign(Object.create(null), Object.fromEntries(entries)) as Record<string, Value>;
}
