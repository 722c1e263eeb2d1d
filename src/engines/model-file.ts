// The file of a model, of one instance of an engine: checked before the start, looked after while it runs. Who else has
// it is named; a model that changes or shrinks under an engine that has it mapped is a fault nobody would look for.
import { constants } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import type { ModelFileConfig } from '../config/types.ts';
import { type Clock, delay } from '../lifecycle/clock.ts';
import { Deadline } from '../lifecycle/deadline.ts';
import { GreenroomError, messageOf } from '../lifecycle/errors.ts';
import type { Log } from '../telemetry/log.ts';
import type { FailureCause } from './causes.ts';
import { describeHolder, type Whose } from './host/describe.ts';
import type { FileHolders } from './host/file-holders.ts';
import type { VisibleHolder } from './host/holder.ts';
import type { Left } from './journal.ts';
import { formatOf, headBytes } from './model-format.ts';

export interface ModelFileOptions {
  readonly engine: string;
  readonly model: ModelFileConfig;
  readonly clock: Clock;
  readonly log: Log;
  readonly left?: Left | undefined;
}

/** What tells a file from another, and from what it was. */
export interface ModelFacts {
  readonly dev: number;
  readonly ino: number;
  readonly sizeBytes: number;
  readonly changedMs: number;
}

/** Between two looks at the file of an engine that runs. */
const lookEveryMs = 5000;
/** Of an engine that has ended nobody waits longer for a disk. */
const lookMs = 300;
const namesMax = 5;

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

export const notExclusive = '`exclusive` wants it for this engine alone: end that, or take `exclusive` away';

export type ModelLook =
  | {
      readonly state: 'usable';
      readonly facts: ModelFacts;
      readonly holders: readonly VisibleHolder[];
      /** Who has it, as the end of a sentence about the file; undefined: nobody. */
      readonly held: string | undefined;
    }
  /** `problem`: what is wrong with it, with the next step. */
  | {
      readonly state: 'unusable';
      readonly problem: string;
      readonly kind: FailureCause;
      readonly cause?: unknown;
    };

/** Never throws. */
export async function lookAtModel(model: ModelFileConfig, whose?: Whose): Promise<ModelLook> {
  let facts: ModelFacts;
  try {
    facts = await readModel(model);
  } catch (thrown) {
    if (thrown instanceof Unusable) return { state: 'unusable', problem: thrown.message, kind: thrown.kind };
    const problem = `cannot be read: ${messageOf(thrown)}`;
    return { state: 'unusable', problem, kind: 'file_missing', cause: thrown };
  }
  const { fileHolders } = await import('./host/file-holders.ts');
  const found = await fileHolders(model.path);
  const holders = found.state === 'known' ? found.holders.map(({ holder }) => holder) : [];
  return { state: 'usable', facts, holders, held: heldText(found, model, whose) };
}

function heldText(found: FileHolders, { exclusive }: ModelFileConfig, whose?: Whose): string | undefined {
  if (found.state === 'unknown') return `may be held by somebody: ${found.why}`;
  const { holders, hidden } = found;
  const names = holders.map(({ holder, how }) => `${how} by ${describeHolder(holder, whose)}`);
  if (names.length > namesMax) names.splice(namesMax, names.length, `${names.length - namesMax} more`);
  if (names.length > 0) return `is also ${names.join(', and ')}`;
  // It matters only to whom it must not happen.
  if (hidden === 0 || !exclusive) return undefined;
  return `may be held by one of ${hidden} processes of other users, which cannot be looked into`;
}

class Unusable extends Error {
  override readonly name = 'Unusable';
  readonly kind: FailureCause;

  constructor(message: string, kind: FailureCause = 'model_broken') {
    super(message);
    this.kind = kind;
  }
}

/** Throws `Unusable`, or what the system says. */
async function readModel({ path, format }: ModelFileConfig): Promise<ModelFacts> {
  // A pipe in its place would let us wait for ever.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((thrown: unknown) => {
    throw whyClosed(thrown);
  });
  try {
    const stats = await file.stat();
    if (stats.isDirectory()) throw new Unusable('is a folder; name the file in it');
    if (!stats.isFile()) throw new Unusable('is no regular file');
    if (stats.size === 0) throw new Unusable('is empty; download it again');
    const { bytesRead, buffer } = await file.read(Buffer.alloc(headBytes), 0, headBytes, 0);
    const found = format && formatOf(buffer.subarray(0, bytesRead));
    if (found && found.format !== format)
      throw new Unusable(`is ${found.what} (${stats.size} bytes), not GGUF; ${found.next}`);
    return { dev: stats.dev, ino: stats.ino, sizeBytes: stats.size, changedMs: stats.mtimeMs };
  } finally {
    await file.close();
  }
}

function whyClosed(thrown: unknown): unknown {
  const { code } = thrown as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') return new Unusable('does not exist', 'file_missing');
  if (code === 'EACCES' || code === 'EPERM')
    return new Unusable('may not be read by this user', 'permission');
  if (code === 'ENXIO') return new Unusable('is no regular file');
  if (code === 'ELOOP') return new Unusable('is a link that leads to itself');
  return thrown;
}

/** Undefined when it is not there, or cannot be asked. */
async function factsOf(path: string): Promise<ModelFacts | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found && { dev: found.dev, ino: found.ino, sizeBytes: found.size, changedMs: found.mtimeMs };
}

export function changeOf(before: ModelFacts, now: ModelFacts | undefined): string | undefined {
  if (!now) return 'is gone';
  if (now.dev !== before.dev || now.ino !== before.ino) return 'was replaced by another file';
  const sizes = `from ${before.sizeBytes} to ${now.sizeBytes} bytes`;
  if (now.sizeBytes < before.sizeBytes) return `has shrunk ${sizes}`;
  if (now.sizeBytes > before.sizeBytes) return `has grown ${sizes}`;
  return now.changedMs === before.changedMs ? undefined : 'was written to';
}
