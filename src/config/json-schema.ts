// The JSON Schema of greenroom.yaml, for editors. Made from the zod schema at build time.
import * as z from 'zod';
import { configSchema } from './schema.ts';

/** Draft 2020-12, of what is written in the file (not of what comes out). */
export function configJsonSchema(): Readonly<Record<string, unknown>> {
  const { $schema, ...schema } = z.toJSONSchema(configSchema, { io: 'input', target: 'draft-2020-12' });
  // Relative: it has no address of its own, and is resolved against wherever it is kept.
  return { $schema, $id: 'greenroom.schema.json', title: 'greenroom.yaml', ...schema };
}
