// docs/wire.md, from the schemas and types of src/wire.
import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { clientEventSchema } from '../../src/wire/client-schema.ts';
import { declarations } from './declarations.ts';
import { type SchemaNode, schemaTable } from './schema-tables.ts';

const intro = `# The wire

What travels over the two WebSockets of a gateway. Made from the schemas and types that it is built of (\`npm run docs\`).

- \`/v1/realtime\`: the [OpenAI Realtime API](https://platform.openai.com/docs/api-reference/realtime), and a few events of our own that only those get who ask for them (\`?notices=1\`): strict clients end on an event that they do not know.
- \`/v1/events\`: events of your programs. The same goes out as server-sent events, where what has a \`type\` is \`event: control\`.

Everything is JSON text, one message a frame. Fields that are not listed are refused where a client sends them (\`unknown_parameter\`), by name; \`null\` stands for "cleared". Audio is base64. Close codes: [troubleshooting](troubleshooting.md).
`;

const source = (name: string) => readFileSync(new URL(`../../src/wire/${name}.ts`, import.meta.url), 'utf8');
const types = (name: string, only?: readonly string[]) =>
  `\`\`\`ts\n${declarations(source(name), only)}\n\`\`\`\n`;

export function wireDocs(): string {
  const schema = z.toJSONSchema(clientEventSchema(), { io: 'input', unrepresentable: 'any' }) as SchemaNode;
  const events = (schema.oneOf ?? schema.anyOf ?? []).map(clientEvent);
  return `${[
    intro,
    '## Realtime: what a client sends\n',
    'A bridge passes further events and fields on as they come; this is what a session of our own takes.\n',
    ...events,
    '## Realtime: what a client gets\n',
    'Every event has an `event_id` as well. `response.done` has the whole answer, without its audio.\n',
    types('server-events'),
    '### Items\n',
    types('items'),
    '### The session\n',
    types('session-config', [
      ...['PcmFormat', 'G711Format', 'AudioFormat', 'ServerVad', 'SemanticVad', 'TurnDetection', 'Modality'],
      ...['Transcription', 'Truncation', 'SessionConfig'],
    ]),
    types('transcription-session'),
    '## Realtime: our own events\n',
    'Only with `?notices=1`.\n',
    types('notices'),
    '## Events\n',
    'An event has an `id`, what is about the stream has a `type`: nothing has both.\n',
    types('hub'),
  ]
    .join('\n')
    .trimEnd()}\n`;
}

function clientEvent(node: SchemaNode): string {
  const { type, ...properties } = node.properties ?? {};
  return `### \`${String(type?.const)}\`\n\n${schemaTable({ ...node, properties })}\n`;
}
