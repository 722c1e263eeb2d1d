// What the shipped engines take: their `options`, and the voices that flite has. They would not look at anything else,
// and a mistyped one would be found by ear.
import { fliteVoice, fliteVoices } from './flite-voices.ts';
import type { RawEngine } from './normalise-engines.ts';
import { type Path, type Problem, problemAt } from './problems.ts';
import type { RawConfig } from './schema.ts';
import { didYouMean } from './suggest.ts';

const optionsOf = { flite: ['voice'], silero: [] } as const satisfies Record<string, readonly string[]>;

/** Of the `options` of a shipped engine. */
export function builtinProblems(name: string, engine: RawEngine): Problem[] {
  if (!('builtin' in engine) || engine.builtin === 'llama') return [];
  const { builtin, options } = engine;
  const known: readonly string[] = optionsOf[builtin];
  const at = (key: string): Path => ['engines', name, 'options', key];
  const list = known.length > 0 ? `its options are: ${known.join(', ')}` : 'it has none';
  const unknown = Object.keys(options)
    .filter((key) => !known.includes(key))
    .map((key) => problemAt(at(key), `${builtin} has no such option; ${list}${didYouMean(key, known)}`));
  const { voice } = options;
  const ofVoice = builtin === 'flite' && voice != null ? voiceProblems(at('voice'), voice) : [];
  return [...unknown, ...ofVoice];
}

/** Of the `voice` of pipelines that flite speaks for, and of their tasks. */
export function pipelineVoiceProblems({ pipelines = {}, engines = {} }: RawConfig): Problem[] {
  return Object.entries(pipelines).flatMap(([name, pipeline]) => {
    if (pipeline.kind === 'bridge') return [];
    const { speak, voice } = pipeline;
    const engine = speak !== undefined && Object.hasOwn(engines, speak) ? engines[speak] : undefined;
    const isFlite = engine && 'builtin' in engine && engine.builtin === 'flite';
    if (!isFlite) return [];
    const tasks = Object.entries(pipeline.kind === 'cascade' ? pipeline.tasks : {});
    const choices = pipeline.kind === 'cascade' ? (pipeline.voices ?? []) : [];
    return [
      ...(voice === undefined ? [] : voiceProblems(['pipelines', name, 'voice'], voice)),
      ...choices.flatMap((choice, at) => voiceProblems(['pipelines', name, 'voices', at], choice)),
      ...tasks.flatMap(([task, { speak: told }]) =>
        told && told.voice !== undefined
          ? voiceProblems(['pipelines', name, 'tasks', task, 'speak', 'voice'], told.voice)
          : [],
      ),
    ];
  });
}

function voiceProblems(path: Path, voice: unknown): Problem[] {
  if (fliteVoice(voice) !== undefined) return [];
  const given = typeof voice === 'string' ? voice.slice(0, 64) : voice;
  const hint = typeof given === 'string' ? didYouMean(given, fliteVoices) : '';
  const what = `flite has no voice ${JSON.stringify(given)}`;
  return [problemAt(path, `${what}; there are: ${fliteVoices.join(', ')}, and OpenAI's names${hint}`)];
}
