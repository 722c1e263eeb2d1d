// The file of a model, of one instance of an engine: checked before the start, looked after while it runs. Who else has
// it is named; a model that changes or shrinks under an engine that has it mapped is a fault nobody would look for.
import type { ModelFileConfig } from '../config/types.ts';
import { type Clock, delay } from '../lifecycle/clock.ts';
import { Deadline } from '../lifecycle/deadline.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import type { Log } from '../telemetry/log.ts';
import type { FailureCause } from './causes.ts';
import type { VisibleHolder } from './host/holder.ts';
import type { Left } from './journal.ts';
import { changeOf, factsOf, lookAtModel, type ModelFacts, notExclusive } from './model-look.ts';

export interface ModelFileOptions {
  readonly engine: string;
  readonly model: ModelFileConfig;
  readonly clock: Clock;
  readonly log: Log;
  readonly left?: Left | undefined;
}

/** Between two looks at the file of an engine that runs. */
const lookEveryMs = 5000;
/** Of an engine that has ended nobody waits longer for a disk. */
const lookMs = 300;

export class ModelFile {
  readonly #options: ModelFileOptions;
  #facts: ModelFacts | undefined;
  #told: string | undefined;

  constructor(options: ModelFileOptions) {
    this.#options = options;
  }

  /** Throws `model_file_unusable`, with what the file is instead, and the next step. */
  async check(): Promise<void> {
    const { engine, model, log, left } = this.#options;
    let found = await lookAtModel(model, left?.whose);
    if (found.state === 'usable' && model.exclusive && (await this.#reapLeft(found.holders)))
      found = await lookAtModel(model, left?.whose);
    if (found.state === 'unusable') throw this.#unusable(found.problem, found.kind, found.cause);
    this.#facts = found.facts;
    if (found.held === undefined) return;
    if (model.exclusive && found.holders.length > 0)
      throw this.#unusable(`${found.held}; ${notExclusive}`, 'model_held');
    log.info({ engine, model: model.path }, `engine ${engine}: its model ${model.path} ${found.held}`);
  }

  /** Until the signal aborts: says in the log, once for each change, what has become of the file. */
  async watch(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while ((await delay(clock, lookEveryMs, signal)) === 'elapsed') await this.#look();
  }

  /** What has become of the file since it was checked, as the end of a sentence about the engine; '' for nothing. */
  async whatChanged(): Promise<string> {
    const deadline = new Deadline(this.#options.clock, lookMs);
    const looked = await deadline.wait(this.#look());
    deadline.dispose();
    return looked.state === 'done' && looked.value !== undefined ? `; ${looked.value}` : '';
  }

  async #look(): Promise<string | undefined> {
    const { engine, model, log } = this.#options;
    if (!this.#facts) return undefined;
    const change = changeOf(this.#facts, await factsOf(model.path));
    if (change === undefined) return undefined;
    const text = `its model ${model.path} ${change} since its start`;
    if (this.#told !== change)
      log.warn({ engine, model: model.path }, `engine ${engine}: ${text}; restart it`);
    this.#told = change;
    return text;
  }

  /** Whether there was somebody. */
  async #reapLeft(holders: readonly VisibleHolder[]): Promise<boolean> {
    const { left } = this.#options;
    const behind = left ? holders.filter((holder) => left.isLeft(holder)) : [];
    await Promise.all(behind.map((holder) => left?.reap(holder)));
    return behind.length > 0;
  }

  #unusable(problem: string, kind: FailureCause, cause?: unknown): GreenroomError {
    const { engine, model } = this.#options;
    const message = `engine ${engine}: its model ${model.path} ${problem}`;
    return new GreenroomError('model_file_unusable', message, {
      details: { engine, path: model.path, cause: kind },
      cause,
    });
  }
}
