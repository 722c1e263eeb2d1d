// docs/api.md, from what `/openapi.json` is made of: the table of routes, and the schemas of their answers.
import { openApi } from '../../src/gateway/openapi.ts';
import { type RouteSources, routeTable } from '../../src/gateway/route-table.ts';
import { type SchemaNode, schemaTable, typeText } from './schema-tables.ts';

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema: SchemaNode }>>;
  readonly description?: string;
}
interface Operation {
  readonly summary: string;
  readonly security?: readonly Readonly<Record<string, unknown>>[];
  readonly requestBody?: Content;
  readonly responses: Readonly<Record<string, Content>>;
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, SchemaNode>> };
}

const intro = `# The HTTP API

Every path there is, as \`GET /openapi.json\` of a running gateway has it. Made from the table of routes (\`npm run docs\`).

Who may: *public* is everybody; *session*, *caller* and *admin* bring a token where \`auth\` is configured ([which](configuration.md)). Without \`auth\`, everybody on this machine may do everything. Errors are \`{"error": {"code", "message", "type", "details"}}\`;
what each code means and what to do about it: [troubleshooting](troubleshooting.md). Besides those that are listed, any path may answer 401 \`unauthorized\`, 403 \`origin_not_allowed\` and 503 \`server_starting\` or \`server_shutdown\`.
What travels over the WebSockets of \`/v1/realtime\` and \`/v1/events\`: [the wire](wire.md).
`;

/** The routes are described, never asked: what they would ask of is not there. */
const nothing: unknown = new Proxy(() => undefined, { get: () => nothing });

const groups: readonly (readonly [title: string, prefix: string])[] = [
  ['Is it there', '/healthz'],
  ['Is it there', '/readyz'],
  ['Is it there', '/v1/health'],
  ['Is it there', '/metrics'],
  ['Is it there', '/openapi.json'],
  ['About sessions', '/v1/realtime'],
  ['About sessions', '/api/sessions'],
  ['About events', '/v1/events'],
  ['About events', '/api/clients'],
  ['About events', '/api/producers'],
  ['About recordings', '/api/recordings'],
  ['About playback', '/api/playback'],
  ['What engines answer, as OpenAI has it', '/v1'],
  ['About engines', '/engines'],
  ['About engines', '/api/engines'],
  ['About the gateway', '/'],
];

export function apiDocs(): string {
  const { paths, components } = openApi(routeTable(nothing as RouteSources)) as unknown as Document;
  const byGroup = Map.groupBy(
    Object.entries(paths),
    ([path]) => groups.find(([, prefix]) => path.startsWith(prefix))?.[0] ?? '',
  );
  const titles = [...new Set(groups.map(([title]) => title))].filter((title) => byGroup.has(title));
  const sections = titles.flatMap((title) => [
    `## ${title}\n`,
    ...(byGroup.get(title) ?? []).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => route(method, path, operation)),
    ),
  ]);
  const schemas = Object.entries(components.schemas)
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([name, node]) => schema(name, node));
  return `${[intro, ...sections, '## Schemas\n', ...schemas].join('\n').trimEnd()}\n`;
}

function route(
  method: string,
  path: string,
  { summary, security, requestBody, responses }: Operation,
): string {
  const [who = 'public'] = Object.keys(security?.[0] ?? {});
  const lines = Object.entries(responses)
    .filter(([status]) => !['401', '403'].includes(status))
    .map(([status, response]) => {
      const good = status < '300' || response.description === 'Not now: the error says why.';
      return `- ${status}: ${good ? shape(response) : response.description}`;
    });
  const body = requestBody ? [`- body: ${shape(requestBody)}`] : [];
  return `### \`${method.toUpperCase()} ${path}\`\n\n${summary} *(${who})*\n\n${[...body, ...lines].join('\n')}\n`;
}

function shape({ content = {} }: Content): string {
  const types = Object.keys(content);
  const [first] = Object.values(content);
  const said = first ? typeText(first.schema) : 'nothing';
  return types.join() === 'application/json'
    ? said
    : `${said}, as ${types.map((type) => `\`${type}\``).join(' or ')}`;
}

function schema(name: string, node: SchemaNode): string {
  const said = [node.description, schemaTable(node) || (node.description ? '' : typeText(node))];
  return `### ${name}\n\n${said.filter(Boolean).join('\n\n')}\n`;
}
