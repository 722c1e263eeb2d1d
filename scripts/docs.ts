// The pages of docs/ that are made from the source: `npm run docs` writes them, a test holds them to it.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { configDocs } from './config-docs.ts';
import { apiDocs } from './docs/api-docs.ts';
import { troubleshootingDocs } from './docs/troubleshooting.ts';
import { wireDocs } from './docs/wire-docs.ts';

export const generated: Readonly<Record<string, () => string>> = {
  'configuration.md': configDocs,
  'api.md': apiDocs,
  'wire.md': wireDocs,
  'troubleshooting.md': troubleshootingDocs,
};

export const docsFile = (name: string): string => fileURLToPath(new URL(`../docs/${name}`, import.meta.url));

if (process.argv[1] === fileURLToPath(import.meta.url))
  for (const [name, make] of Object.entries(generated)) writeFileSync(docsFile(name), make());
