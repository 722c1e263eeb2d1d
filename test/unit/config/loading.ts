// Loads a configuration from a folder that is there for this one load.
import { join } from 'node:path';
import { type LoadOptions, loadConfig } from '../../../src/config/load.ts';
import { GreenroomError } from '../../../src/lifecycle/errors.ts';
import { testFolder } from '../../support/folder.ts';

type Files = Readonly<Record<string, string | Uint8Array>>;

export async function loadFrom(files: Files, options: Partial<LoadOptions> = {}) {
  await using folder = await testFolder();
  for (const [name, content] of Object.entries(files)) await folder.write(name, content);
  const { config, source, secrets } = await loadConfig({ env: {}, cwd: folder.path, ...options });
  return { config, source, secrets, inFolder: (...parts: string[]) => join(folder.path, ...parts) };
}

export async function failureOf(files: Files, options: Partial<LoadOptions> = {}) {
  try {
    await loadFrom(files, options);
  } catch (thrown) {
    if (thrown instanceof GreenroomError) return thrown;
    throw thrown;
  }
  throw new Error('expected a failure');
}
