// One look at the file of a model: what it is, whether it can be used, and who else has it.
import { constants } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import type { ModelFileConfig } from '../config/types.ts';
import { messageOf } from '../lifecycle/errors.ts';
import type { FailureCause } from './causes.ts';
import { describeHolder, type Whose } from './host/describe.ts';
import type { FileHolders } from './host/file-holders.ts';
import type { VisibleHolder } from './host/holder.ts';
import { formatOf, headBytes } from './model-format.ts';

/** What tells a file from another, and from what it was. */
export interface ModelFacts {
  readonly dev: number;
  readonly ino: number;
  readonly sizeBytes: number;
  readonly changedMs: number;
}

const namesMax = 5;

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
export async function factsOf(path: string): Promise<ModelFacts | undefined> {
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
