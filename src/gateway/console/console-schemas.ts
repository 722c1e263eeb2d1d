// The shapes of what is asked and answered for the console, for /openapi.json and for what comes in.
import * as z from 'zod';

export const consoleSignIn = z
  .strictObject({ token: z.string().min(1).max(4096).describe('One of `auth.admin`.') })
  .meta({ id: 'ConsoleSignIn' });

const consoleState = z
  .strictObject({
    state: z
      .enum(['open', 'signed_in', 'signed_out'])
      .describe('`open`: no tokens are configured, and nobody has to sign in.'),
    expires_in_s: z.int().nullable().describe('Of one that has just signed in.'),
  })
  .meta({ id: 'ConsoleState' });

const bytesOrNull = z
  .int()
  .nullable()
  .describe('Resident, with all descendants; null where nobody can tell.');

const memory = z
  .strictObject({
    gateway: z.strictObject({ pid: z.int(), bytes: bytesOrNull }),
    engines: z.array(z.strictObject({ name: z.string(), pid: z.int().nullable(), bytes: bytesOrNull })),
  })
  .meta({ id: 'Memory' });

const page = z.string().describe('HTML.').meta({ id: 'Page' });

export const consoleSchemas = { page, consoleSignIn, consoleState, memory } as const;
