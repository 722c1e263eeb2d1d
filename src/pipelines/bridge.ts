// A pipeline whose sessions are answered by an upstream Realtime server. It knows where that is, and nothing of how it is
// spoken to: each session opens a connection of its own.
import type { Engine } from '../engines/engine.ts';
import type { TaskPlan } from '../tasks/plan.ts';
import { everyAbility } from '../wire/session-config.ts';
import { NeededEngines } from './needed-engines.ts';
import type { PipelineBasics, PipelineReadiness } from './pipeline.ts';

export interface Upstream {
  /** `ws:` or `wss:`, with its query. */
  readonly url: string;
  /** Sent with the upgrade: secrets are in it. */
  readonly headers: Readonly<Record<string, string>>;
  /** Texts that are never shown, whoever says them. */
  readonly secrets: readonly string[];
  /** From the connect to upstream's `session.created`. */
  readonly openTimeoutMs: number;
}

export interface BridgeOptions {
  readonly name: string;
  readonly upstream: Upstream;
  /** Engines of this gateway that must be ready first. */
  readonly needs: readonly Engine[];
  /** Undefined: whatever upstream begins with. */
  readonly voice: string | undefined;
  readonly instructions: string | undefined;
  /** Upstream's model that writes down what callers say. Default: none, unless a caller asks for one. */
  readonly transcribe?: string | undefined;
  /** Background work that its sessions can have done. Default: none. */
  readonly tasks?: readonly TaskPlan[];
}

export class BridgePipeline implements PipelineBasics {
  readonly kind = 'bridge';
  readonly name: string;
  readonly voice: string;
  readonly instructions: string;
  readonly abilities = everyAbility;
  readonly transcription = null;
  readonly upstream: Upstream;
  readonly tasks: readonly TaskPlan[];
  readonly #options: BridgeOptions;
  readonly #engines: NeededEngines;

  constructor(options: BridgeOptions) {
    this.#options = options;
    this.#engines = new NeededEngines(options.needs);
    this.name = options.name;
    this.upstream = options.upstream;
    this.tasks = options.tasks ?? [];
    this.voice = options.voice ?? 'default';
    this.instructions = options.instructions ?? '';
  }

  /** What upstream is to be told first; only what the configuration says. */
  get setup(): Readonly<Record<string, unknown>> {
    const { instructions, voice, transcribe } = this.#options;
    const audio = {
      ...(transcribe !== undefined && { input: { transcription: { model: transcribe } } }),
      ...(voice !== undefined && { output: { voice } }),
    };
    return {
      ...(instructions !== undefined && { instructions }),
      ...(Object.keys(audio).length > 0 && { audio }),
    };
  }

  get needs(): readonly string[] {
    return this.#engines.names;
  }

  /** Its engines are not unloaded until the undo. */
  hold(): () => void {
    return this.#engines.hold();
  }

  need(): void {
    this.#engines.need();
  }

  readiness(): PipelineReadiness {
    return this.#engines.readiness();
  }

  onChange(listener: () => void): () => void {
    return this.#engines.onChange(listener);
  }
}
