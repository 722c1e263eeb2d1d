// Finds node-llama-cpp, which is no dependency of ours: who wants this engine installs it, beside greenroom or in the
// folder where greenroom is started.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { messageOf } from '../lifecycle/errors.ts';

export type NodeLlama = typeof import('node-llama-cpp');

/** Throws what to do about it when it is not there, or cannot be used. */
export async function importNodeLlama(folder = process.cwd()): Promise<NodeLlama> {
  try {
    return await importFrom(folder);
  } finally {
    giveSignalsBack();
  }
}

async function importFrom(folder: string): Promise<NodeLlama> {
  try {
    return await import('node-llama-cpp');
  } catch (error) {
    if (!isMissing(error)) throw broken(error);
  }
  const path = pathFrom(folder);
  if (path === undefined) {
    const what = 'node-llama-cpp, which runs the models of `builtin: llama`, is not installed';
    throw new Error(`${what}: \`npm install node-llama-cpp\` in ${folder}`);
  }
  try {
    return (await import(pathToFileURL(path).href)) as NodeLlama;
  } catch (error) {
    throw broken(error);
  }
}

/**
 * What it imports (signal-exit) listens to every signal, and so makes them wait for our loop, which a load may hold for
 * seconds. Without a listener a signal ends the process at once, as it should.
 */
function giveSignalsBack(): void {
  for (const event of process.eventNames())
    if (typeof event === 'string' && event.startsWith('SIG')) process.removeAllListeners(event);
}

function pathFrom(folder: string): string | undefined {
  try {
    return createRequire(join(folder, 'package.json')).resolve('node-llama-cpp');
  } catch {
    // Not there either.
    return undefined;
  }
}

/** It is not there itself; what it imports may be missing too, which is another matter. */
function isMissing(error: unknown): boolean {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === 'ERR_MODULE_NOT_FOUND' && message.includes("'node-llama-cpp'");
}

const broken = (cause: unknown) =>
  new Error(`node-llama-cpp is installed and cannot be used: ${messageOf(cause)}; install it anew`, {
    cause,
  });
