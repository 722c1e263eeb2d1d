// The licence texts of every package whose code or data is inside the bundle, one block each.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** @param paths module ids and asset paths; those below node_modules name the packages */
export function thirdPartyLicences(root: string, paths: readonly string[]): string {
  const packages = new Set<string>();
  for (const path of paths) {
    const match = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules\/)/.exec(path);
    if (match?.[1]) packages.add(match[1]);
  }
  const blocks = [...packages].sort().map((name) => block(join(root, 'node_modules', name), name));
  return `greenroom contains the following packages.\n\n${blocks.join('\n')}`;
}

function block(folder: string, name: string): string {
  const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    version: string;
    license?: string;
  };
  const file = readdirSync(folder).find((entry) => /^(licen[cs]e|copying)/i.test(entry));
  const text = file && existsSync(join(folder, file)) ? readFileSync(join(folder, file), 'utf8').trim() : '';
  return `${'-'.repeat(80)}\n${name} ${version} (${license ?? 'see text'})\n\n${text}\n`;
}
