// The console: its files, for everybody, since nothing in them is secret; the exchange of an administrator's token for a
// cookie; and the memory of the processes, which nothing else tells.
import { randomBytes } from 'node:crypto';
import { readMemory, residentBytes } from '../../engines/host/memory.ts';
import type { EngineStatus } from '../../engines/status.ts';
import { systemClock } from '../../lifecycle/clock.ts';
import { GreenroomError } from '../../lifecycle/errors.ts';
import type { Access } from '../access.ts';
import type { Answer, RouteCall, RouteTable } from '../route-table.ts';
import { cookieFor, cookieHeader, cookieSeconds, isFromConsole } from './console-cookie.ts';
import { ConsoleFiles, consolePage } from './console-files.ts';
import { consoleSignIn } from './console-schemas.ts';

export interface ConsoleSources {
  readonly access: Pick<Access, 'open' | 'door' | 'administrator' | 'ofConsole'>;
  readonly engines: { readonly list: () => readonly EngineStatus[] };
}

/** Nothing from elsewhere, nothing inline, no frame around it. */
const policy = [
  "default-src 'none'",
  ...["script-src 'self'", "style-src 'self'", "connect-src 'self'", "img-src 'self' data:"],
  ...["media-src 'self' blob:", "worker-src 'self'", "manifest-src 'self'"],
  ...["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
].join('; ');

const always = {
  'content-security-policy': policy,
  'x-frame-options': 'DENY',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'microphone=(self), camera=(), geolocation=()',
} as const;

const caching = { immutable: 'public, max-age=31536000, immutable', asked: 'no-cache' } as const;

export function consoleRoutes({ access, engines }: ConsoleSources, files = new ConsoleFiles()): RouteTable {
  const page = {
    GET: {
      surface: 'public' as const,
      summary: 'The console, a page: what the gateway does, live.',
      answers: { 200: 'page' as const },
      refusals: ['not_found' as const],
      answer: () => fileAnswer(files, consolePage),
    },
  };
  return {
    '/console': page,
    '/console/': page,
    '/console/{file}': {
      GET: {
        surface: 'public',
        summary: 'A file of the console, by its name.',
        answers: { 200: 'bytes' },
        refusals: ['not_found'],
        answer: ({ param }) => fileAnswer(files, param('file')),
      },
    },
    '/api/console/session': {
      GET: {
        surface: 'public',
        summary: 'Whether this browser has signed in to the console.',
        answers: { 200: 'consoleState' },
        answer: (call) => ({ status: 200, body: { state: stateOf(access, call), expires_in_s: null } }),
      },
      POST: {
        surface: 'public',
        summary: "Exchanges an administrator's token for a cookie. For the console's own page alone.",
        body: 'consoleSignIn',
        answers: { 200: 'consoleState' },
        refusals: ['invalid_request', 'body_too_large', 'unauthorized', 'origin_not_allowed'],
        answer: (call) => signIn(access, call),
      },
      DELETE: {
        surface: 'public',
        summary: 'Signs this browser out.',
        answers: { 200: 'consoleState' },
        refusals: ['origin_not_allowed'],
        answer: (call) => {
          mustBeOurs(call);
          const headers = { 'set-cookie': cookieHeader('', access.door) };
          const state = access.open ? 'open' : 'signed_out';
          return { status: 200, body: { state, expires_in_s: null }, headers };
        },
      },
    },
    '/api/memory': {
      GET: {
        surface: 'admin',
        summary: 'What memory the gateway and its engines take.',
        answers: { 200: 'memory' },
        answer: async () => ({ status: 200, body: await memoryOf(engines.list()) }),
      },
    },
  };
}

async function fileAnswer(files: ConsoleFiles, name: string): Promise<Answer> {
  const { bytes, type, kept } = await files.find(name);
  const headers = { ...always, 'cache-control': caching[kept], 'content-length': String(bytes.byteLength) };
  return { status: 200, body: bytes, contentType: type, headers };
}

async function signIn(access: ConsoleSources['access'], call: RouteCall): Promise<Answer> {
  mustBeOurs(call);
  if (access.open) return { status: 200, body: { state: 'open', expires_in_s: null } };
  const asked = consoleSignIn.safeParse(await call.json());
  if (!asked.success) throw new GreenroomError('invalid_request', 'expected {"token":"..."}');
  const token = access.administrator(asked.data.token);
  if (!token)
    throw new GreenroomError(
      'unauthorized',
      'this is no token of an administrator (auth.admin); a token of auth.tokens does not open the console',
    );
  const value = cookieFor(token, randomBytes(16).toString('hex'), systemClock.wallTime());
  const headers = { 'set-cookie': cookieHeader(value, access.door) };
  return { status: 200, body: { state: 'signed_in', expires_in_s: cookieSeconds }, headers };
}

function stateOf(access: ConsoleSources['access'], call: RouteCall): 'open' | 'signed_in' | 'signed_out' {
  if (access.open) return 'open';
  return access.ofConsole(headOf(call)) ? 'signed_in' : 'signed_out';
}

/** Another page could sign its visitor in as somebody else, or out. */
function mustBeOurs(call: RouteCall): void {
  const head = headOf(call);
  if (isFromConsole(head)) return;
  const message = `only the console's own page may do this, not one of ${head.headers.origin ?? 'no origin'}`;
  throw new GreenroomError('origin_not_allowed', message);
}

function headOf({ method, header }: RouteCall) {
  const names = ['origin', 'host', 'cookie', 'sec-fetch-site'] as const;
  const headers = Object.fromEntries(
    names.flatMap((name) => {
      const value = header(name);
      return value === undefined ? [] : [[name, value]];
    }),
  );
  return { method, headers } as {
    readonly method: string;
    readonly headers: Partial<Record<(typeof names)[number], string>>;
  };
}

async function memoryOf(engines: readonly EngineStatus[]) {
  const pids = engines.flatMap(({ pid }) => (pid === null ? [] : [pid]));
  const memory = await readMemory(pids);
  return {
    gateway: { pid: process.pid, bytes: await residentBytes(process.pid) },
    engines: engines.map(({ name, pid }) => ({ name, pid, bytes: pid === null ? null : memory.of(pid) })),
  };
}
