// Where a program is on the PATH, as the system would find it.
import { access, constants, stat } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

/** Its path; undefined when it is not there. */
export async function findProgram(
  name: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string | undefined> {
  const folders = name.includes('/') ? [''] : (env['PATH'] ?? '').split(delimiter).filter(Boolean);
  const paths = folders.map((folder) => (folder === '' ? name : join(folder, name)));
  const found = await Promise.all(paths.map(isProgram));
  return paths[found.indexOf(true)];
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    // Most folders do not have it.
    return false;
  }
}
