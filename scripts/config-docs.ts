// docs/configuration.md, made from the schema.
import { configJsonSchema } from '../src/config/json-schema.ts';
import { presetNames, presets } from '../src/config/presets.ts';

interface Node {
  readonly description?: string;
  readonly default?: unknown;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Node | boolean;
  readonly anyOf?: readonly Node[];
}

const intro = `# Configuration

Every key there is. Made from the schema (\`npm run docs\`), which editors read as \`greenroom.schema.json\` of the package.

A file is \`greenroom.yaml\`, \`.yml\` or \`.json\` in the folder where greenroom starts, or the one of \`-c FILE\`; \`--set a.b=c\` lays one key over it. Durations are written \`250ms\`, \`10s\`, \`5m\`; sizes \`64KiB\`, \`8MiB\`;
\`env:NAME\` in \`auth\`, in \`key\` and in the \`env\` of programs reads a secret from the environment, which is masked wherever it might be shown. Relative paths start from the file's folder. Mistakes are told with line and column, all at once.

Every engine of the file that is not \`lazy\` is started and has to be ready before the gateway says that it is (\`/readyz\`, \`wait\`); a caller waits for those that its pipeline needs.
`;

export function configDocs(): string {
  return `${[intro, ...sections(configJsonSchema() as Node)].join('\n')}\n`;
}

function sections(root: Node): string[] {
  const { engines, pipelines, ...others } = root.properties ?? {};
  const kinds = (title: string, node: Node | undefined) =>
    kindsOf(node).map((kind) => {
      const [[key = '', node] = []] = Object.entries(kind.properties ?? {});
      const only = node?.const ?? (node?.enum?.length === 1 ? node.enum[0] : undefined);
      const word = only === undefined ? key : `${key}: ${String(only)}`;
      const shown = kind.description ? `: ${kind.description.replace(/\.$/, '').toLowerCase()}` : '';
      return `## \`${title}\` with \`${word}\`${shown}\n\n${table(rows(kind, ''))}\n`;
    });
  return [
    `## The file\n\n${table(rows({ properties: others }, ''))}\n`,
    ...kinds('engines.NAME', engines),
    presetTable(),
    ...kinds('pipelines.NAME', pipelines),
    ...taskTables(pipelines),
  ];
}

/** The same for every kind of pipeline that has them. */
function taskTables(pipelines: Node | undefined): string[] {
  const tasks = kindsOf(pipelines).flatMap(({ properties }) => kindsOf(properties?.['tasks']));
  const [task] = tasks;
  if (!task) return [];
  return [`## \`pipelines.NAME.tasks.TASK\`: background work of a session\n\n${table(rows(task, ''))}\n`];
}

function presetTable(): string {
  const code = (text: string) => `\`${text}\``;
  const lines = presetNames.map((name) => {
    const { title, start, url, offers, ready } = presets[name];
    const model = start && start.model !== 'none' ? 'MODEL' : undefined;
    const facts = { engine: 'NAME', model, listening: 'port', naming: 'ours' } as const;
    const command = start && [start.program ?? 'PROGRAM', ...start.command(facts)].join(' ');
    const loading = ready.loading === undefined ? 'any' : ready.loading.join(', ') || 'none';
    const cells = [
      ...[code(name), title, url ? code(url) : '', command ? code(command) : 'not started'],
      ...[code(ready.http), loading, offers([]).map(code).join(', ')],
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [
    '## Presets\n',
    'One that has an address is looked for there first. With `url` it is used as it is, in place of being started.\n',
    '| preset | what | found at | started as | asked at | statuses while it loads | offers |',
    `| ${Array(7).fill('---').join(' | ')} |`,
    ...lines,
    '',
  ].join('\n');
}

/** Of things by name: each kind that one may be. */
function kindsOf(node: Node | undefined): readonly Node[] {
  const one = typeof node?.additionalProperties === 'object' ? node.additionalProperties : undefined;
  return one ? (one.anyOf ?? [one]) : [];
}

type Row = readonly [key: string, value: string, what: string];

function rows(node: Node, path: string): Row[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, inner]): Row[] => {
    if (name.startsWith('$')) return [];
    const key = `${path}${name}`;
    if (inner.properties) return rows(inner, `${key}.`);
    const variants = inner.anyOf?.filter(({ properties }) => properties) ?? [];
    const required = node.required?.includes(name) ? 'required' : '';
    const own: Row = [key, shownValue(inner) || required, inner.description ?? ''];
    return [own, ...variants.flatMap((variant) => rows(variant, `${key}.`))];
  });
}

function shownValue(node: Node): string {
  const given = node.default === undefined ? '' : `\`${JSON.stringify(node.default).replace(/^"|"$/g, '')}\``;
  const words = node.enum ?? node.anyOf?.flatMap((variant) => variant.enum ?? []) ?? [];
  const others = words.filter((word) => word !== node.default).map((word) => `\`${word}\``);
  return [given, ...others].filter(Boolean).join(', ');
}

function table(all: readonly Row[]): string {
  const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
  const line = ([key, value, what]: Row) => `| \`${key}\` | ${cell(value)} | ${cell(what)} |`;
  return ['| key | default, or what may stand there | what |', '| --- | --- | --- |', ...all.map(line)].join(
    '\n',
  );
}
