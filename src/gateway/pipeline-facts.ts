// What everybody is shown of a pipeline and its generations: the API, the console, the command line.
import type { Engine } from '../engines/engine.ts';
import type { EngineStateWord } from '../engines/state.ts';
import type { GenerationFailure, GenerationWord } from '../pipelines/generations.ts';
import type { AnyPipeline } from '../sessions/open-call.ts';
import type { Line } from './pipeline-table.ts';

interface GenerationShown {
  readonly number: number;
  readonly state: GenerationWord;
  /** That are in it. */
  readonly sessions: number;
  /** When it came into its state, ms since the epoch. */
  readonly sinceMs: number;
  /** Whom it asks; each generation may have instances of its own. */
  readonly engines: readonly {
    readonly name: string;
    readonly state: EngineStateWord;
    readonly pid: number | null;
  }[];
}

export interface PipelineShown {
  readonly name: string;
  readonly kind: string;
  /** Names of engines. */
  readonly needs: readonly string[];
  readonly voice: string;
  /** Of what new callers get; `removed`: there is nothing for them. */
  readonly state: 'waiting' | 'ready' | 'failed' | 'removed';
  /** What new callers get. */
  readonly generation: number | null;
  /** Those that are not closed, the oldest first. */
  readonly generations: readonly GenerationShown[];
  /** Of the last that was built beside the current one, where it came to nothing. */
  readonly failure: GenerationFailure | null;
}

export function pipelineShown(
  line: Line,
  enginesOf: (built: AnyPipeline) => readonly Engine[],
): PipelineShown {
  const { current, name, failure, clock } = line;
  const all = line.list();
  const shown = current ?? all.at(-1)?.built;
  const beganMs = clock.wallTime() - clock.now();
  return {
    ...{ name, kind: shown?.kind ?? '', needs: shown?.needs ?? [], voice: shown?.voice ?? '' },
    state: current?.readiness().state ?? 'removed',
    generation: all.find(({ state }) => state === 'current')?.number ?? null,
    generations: all.map(({ number, state, users, sinceMs, built }) => ({
      ...{ number, state, sessions: users, sinceMs: Math.round(beganMs + sinceMs) },
      engines: enginesOf(built).map((engine) => ({
        name: engine.name,
        state: engine.life.state,
        pid: engine.status().pid,
      })),
    })),
    failure,
  };
}
