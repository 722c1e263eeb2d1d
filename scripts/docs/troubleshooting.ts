// docs/troubleshooting.md: every failure code with what it is and what to do about it.
import { codes, type ErrorCode } from '../../src/lifecycle/codes.ts';
import { nextSteps } from './next-steps.ts';

const intro = `# Troubleshooting by error code

Every failure has a code: in \`error.code\` of an HTTP answer, in an \`error\` event of a session, as the reason of a close, in \`--json\` output, in the log. The message beside it has the facts of this one case (names, pids, limits, ms) and most often the next step; this page has the
rest. Made from the table of codes (\`npm run docs\`).

Before anything else: \`npx greenroom doctor\` looks at configuration, data directory, ports, programs and model files, changes nothing, and says a line for each with the next step. The log is \`logs/greenroom.log\` in the data directory, what an engine wrote is in \`engines/NAME/\`.
`;

const titles: readonly (readonly [first: ErrorCode, title: string])[] = [
  ['bad_usage', 'It does not start'],
  ['not_found', 'A request, a session or a watcher is refused'],
  ['engine_program_missing', 'An engine'],
  ['task_exists', 'Tasks, recordings, upstreams'],
  ['invalid_topic', 'Events'],
  ['scope_closed', 'The rest'],
];

export function troubleshootingDocs(): string {
  const sections = Object.entries(codes).map(([name, { http, close, exit, meaning }]) => {
    const code = name as ErrorCode;
    const title = titles.find(([first]) => first === code)?.[1];
    const step = nextSteps[code];
    return [
      ...(title === undefined ? [] : [`## ${title}\n`]),
      `### \`${code}\`\n`,
      `${meaning[0]?.toUpperCase()}${meaning.slice(1)}. *HTTP ${http}, close ${close}, exit ${exit}.*\n`,
      ...(step === undefined ? [] : [`${step}\n`]),
    ].join('\n');
  });
  return `${[intro, ...sections].join('\n').trimEnd()}\n`;
}
