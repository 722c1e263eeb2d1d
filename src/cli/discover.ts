// What `up` finds on this machine when there is no configuration: engines that run, which are added beside the embedded
// ones, and programs that would be, which are mentioned. Nothing off this machine is chosen, and nothing is written.
import type { PresetName } from '../config/presets.ts';
import { presets } from '../config/presets.ts';
import { type LocalEngine, lookAround } from '../engines/presets/local.ts';
import { findProgram } from '../engines/process/find-program.ts';
import type { Clock } from '../lifecycle/clock.ts';

export interface Finding {
  /** One line, for people. */
  readonly text: string;
  /** Name of the engine that it has become; null for what is only mentioned. */
  readonly engine: string | null;
  readonly preset: PresetName;
  readonly url: string | null;
  readonly model: string | null;
}

export interface Discovered {
  readonly findings: readonly Finding[];
  /** As a configuration has them, by name. */
  readonly engines: Readonly<Record<string, unknown>>;
}

export interface DiscoverOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly env: NodeJS.ProcessEnv;
  /** Names that are taken. */
  readonly taken: readonly string[];
  /** Default: what runs on this machine. */
  readonly look?: typeof lookAround;
}

/** A newcomer waits for the first line, not for a port that never answers. */
const timeoutMs = 300;

export async function discover(options: DiscoverOptions): Promise<Discovered> {
  const { clock, signal, env, taken, look = lookAround } = options;
  const onPath = (name: string) => findProgram(name, env);
  const [running, llamaServer, ollama] = await Promise.all([
    look({ clock, signal, timeoutMs }),
    onPath('llama-server'),
    onPath('ollama'),
  ]);
  const engines: Record<string, unknown> = {};
  const findings: Finding[] = [];
  for (const engine of running) {
    const name = [engine.preset, `${engine.preset}-2`].find(
      (candidate) => !taken.includes(candidate) && !Object.hasOwn(engines, candidate),
    );
    const [model] = engine.models;
    if (name === undefined) continue;
    // A server of many models has to have one; one that loads will say which.
    if (model === undefined && engine.state === 'running') findings.push(withoutModel(engine));
    else {
      const { preset, url } = engine;
      engines[name] = { preset, url, ...(model !== undefined && preset !== 'llama-server' && { model }) };
      findings.push(chosen(engine, name, model));
    }
  }
  const runs = (preset: PresetName) => running.some((engine) => engine.preset === preset);
  if (llamaServer && !taken.includes('llm') && !runs('llama-server'))
    findings.push(mention('llama-server', `llama-server is on the PATH: \`--model FILE.gguf\` starts it`));
  if (ollama && !runs('ollama'))
    findings.push(mention('ollama', 'Ollama is installed and does not run: `ollama serve` starts it'));
  if (env['OPENAI_API_KEY'] && !taken.includes('openai'))
    findings.push(mention('openai', 'OPENAI_API_KEY is set, and not used: `--openai` would'));
  return { findings, engines };
}

function chosen({ preset, url, state }: LocalEngine, engine: string, model: string | undefined): Finding {
  const what = model ?? (state === 'loading' ? 'a model that it loads' : 'its model');
  const text = `found ${presets[preset].title} at ${url} with ${what}: it is the engine "${engine}"`;
  return { text, engine, preset, url, model: model ?? null };
}

function withoutModel({ preset, url }: LocalEngine): Finding {
  const next = preset === 'ollama' ? '`ollama pull MODEL` gets one' : 'load one there';
  const text = `found ${presets[preset].title} at ${url}, without a model: ${next}`;
  return { text, engine: null, preset, url, model: null };
}

const mention = (preset: PresetName, text: string): Finding => ({
  ...{ text, engine: null, preset, url: null, model: null },
});
