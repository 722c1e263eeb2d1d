// Where a package is that greenroom uses when it is there: beside greenroom, or in the folder where it is started.
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** The path of its main file; undefined when it is not installed. */
export function findPackage(name: string, cwd: string): string | undefined {
  for (const place of [import.meta.url, join(cwd, 'package.json')]) {
    try {
      return createRequire(place).resolve(name);
    } catch {
      // Not from there.
    }
  }
  return undefined;
}
