// The `pipelines:` of a configuration. `echo` is the only kind so far.
import * as z from 'zod';
import { choice, named, notYet, section, text } from './schema-parts.ts';

const kind = choice(['echo'], 'How a session is answered.', notYet(['cascade', 'bridge']));

const engineName = (description: string) =>
  z
    .string({
      error: ({ input }) => `${input === undefined ? 'is missing; ' : ''}expected the name of an engine`,
    })
    .describe(description);

const echo = section(
  {
    kind,
    speak: engineName('Engine that speaks.'),
    vad: engineName('Engine that hears voice activity.'),
    needs: z
      .array(engineName('An engine.'))
      .default([])
      .describe('Further engines that must be ready first.'),
    instructions: text('Instructions that sessions begin with.', 65_536).optional(),
    voice: text('Voice that sessions begin with.', 256).optional(),
  },
  'A pipeline of kind echo: speech is played back, text is spoken.',
  notYet(['hear', 'think', 'url', 'key', 'tasks']),
);

export const pipelinesSchema = named(echo, 'Pipelines by name; a session chooses one by `model`.').optional();
