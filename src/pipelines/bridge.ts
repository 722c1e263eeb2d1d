// A pipeline whose sessions are answered by an upstream Realtime server. It knows where that is, and nothing of how it is
// spoken to: each session opens a connection of its own.
import type { TaskPlan } from '../tasks/plan.ts';
import { everyAbility } from '../wire/session-config.ts';
import { OnEngines, type PipelineFacts } from './on-engines.ts';
import type { PipelineBasics } from './pipeline.ts';

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

export interface BridgeOptions extends PipelineFacts {
  readonly upstream: Upstream;
  /** Upstream's model that writes down what callers say. Default: none, unless a caller asks for one. */
  readonly transcribe?: string | undefined;
  /** Background work that its sessions can have done. Default: none. */
  readonly tasks?: readonly TaskPlan[];
}

export class BridgePipeline extends OnEngines implements PipelineBasics {
  readonly kind = 'bridge';
  readonly abilities = everyAbility;
  readonly transcription = null;
  readonly upstream: Upstream;
  readonly tasks: readonly TaskPlan[];
  readonly #options: BridgeOptions;

  constructor(options: BridgeOptions) {
    super(options);
    this.#options = options;
    this.upstream = options.upstream;
    this.tasks = options.tasks ?? [];
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
}
