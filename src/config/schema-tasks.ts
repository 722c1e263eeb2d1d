// The `tasks:` of a pipeline: background work of its sessions. Of every kind that has them.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import * as z from 'zod';
import type { Path, Problem } from './problems.ts';
import { schemaCheck } from './result-schema.ts';
import { choice, duration, isRecord, named, section, text } from './schema-parts.ts';
import type { TaskConfig } from './types.ts';

const speak = section(
  {
    voice: text(
      'Voice of the summary, where it can be switched. Default: the voice of the session.',
      256,
    ).optional(),
    instructions: text('What is said of the result, and in which manner.', 65_536).optional(),
  },
  'How the result is told aloud; `false`: it is not.',
);

const task = section(
  {
    think: z
      .string({
        error: ({ input }) => `${input === undefined ? 'is missing; ' : ''}expected the name of an engine`,
      })
      .describe('Engine that does the work: it offers `chat`.'),
    instructions: text('What it is asked; the conversation follows.', 65_536),
    schema: z
      .union([z.record(z.string(), z.unknown()), z.string().min(1)], {
        error: 'expected a JSON schema, or the path of a JSON file with one',
      })
      .describe(
        'JSON schema of the result, or a JSON file with one, relative to this file. Default: the result is text.',
      )
      .optional(),
    tool: z
      .string({ error: 'expected the name of a function, such as trigger_assessment' })
      .regex(/^[a-zA-Z0-9_-]{1,64}$/, 'a function is named with 1 to 64 letters, digits, _ and -')
      .describe('Function by which the model of the session triggers it; callers never see it.')
      .optional(),
    description: text('What the model is told of `tool`: when to call it.', 4096).optional(),
    on: choice(['end'], 'It begins when the session has ended, if somebody has said something.').optional(),
    speak: z
      .union([z.literal(false), speak], {
        error: ({ input }) =>
          isRecord(input)
            ? 'expected `voice`, `instructions` or both'
            : 'expected false, or { voice, instructions }',
      })
      .describe('How the result is told aloud, in the conversation; `false`: it is not.')
      .optional(),
    limit: duration('120s', 'It has failed after so long.', { minMs: 100, maxMs: 3_600_000 }),
  },
  'Background work of a session: once, however often it is triggered.',
);

export const tasksSchema = named(
  task,
  'Background work of its sessions by name, such as an assessment: triggered by the model (`tool`), the API, or the end of the session.',
).default({});

export interface TaskContext {
  readonly folderOf: (path: Path) => string;
  readonly problems: Problem[];
}

/** @param path of the tasks themselves */
export function tasksConfig(
  tasks: z.output<typeof tasksSchema>,
  path: Path,
  context: TaskContext,
): readonly TaskConfig[] {
  return Object.entries(tasks).map(([name, raw]): TaskConfig => {
    const { think, instructions, tool, description, on, speak: spoken = {}, limit } = raw;
    return {
      ...{ name, think, instructions, on, limitMs: limit },
      schema: schemaOf(raw.schema, [...path, name, 'schema'], context),
      tool:
        tool === undefined
          ? undefined
          : { name: tool, description: description ?? `Starts ${name} in the background.` },
      speak:
        spoken === false || on === 'end'
          ? undefined
          : { voice: spoken.voice, instructions: spoken.instructions },
    };
  });
}

/** Those of the schemas alone, of a configuration that is wrong in other places too: they hold whatever else is there. */
export function schemaProblems(input: unknown, folderOf: TaskContext['folderOf']): readonly Problem[] {
  const problems: Problem[] = [];
  for (const [pipeline, { tasks }] of recordsIn(isRecord(input) ? input['pipelines'] : undefined)) {
    for (const [task, { schema }] of recordsIn(tasks)) {
      const path = ['pipelines', pipeline, 'tasks', task, 'schema'];
      if (typeof schema === 'string' || isRecord(schema)) schemaOf(schema, path, { folderOf, problems });
    }
  }
  return problems;
}

function recordsIn(given: unknown): readonly [string, Readonly<Record<string, unknown>>][] {
  return Object.entries(isRecord(given) ? given : {}).flatMap(([name, inner]) =>
    isRecord(inner) ? [[name, inner] as [string, Readonly<Record<string, unknown>>]] : [],
  );
}

/** Read at the start: one that is wrong would be found out by a caller, at the end of the conversation. */
function schemaOf(
  given: string | Readonly<Record<string, unknown>> | undefined,
  path: Path,
  { folderOf, problems }: TaskContext,
): Readonly<Record<string, unknown>> | undefined {
  if (given === undefined) return undefined;
  try {
    const schema: unknown =
      typeof given === 'string' ? JSON.parse(readFileSync(resolve(folderOf(path), given), 'utf8')) : given;
    if (!isRecord(schema)) throw new Error('it is no object');
    schemaCheck(schema);
    return schema;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    problems.push({ path, message: `expected a JSON schema: ${why}`, at: 'value' });
    return undefined;
  }
}
