// The engines over HTTP: where each stands, what it writes, and what may be asked of it.
import type { Engine } from '../engines/engine.ts';
import type { EngineOutput } from '../engines/engine-output.ts';
import type { EngineStatus } from '../engines/status.ts';
import { systemClock } from '../lifecycle/clock.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import { lineStream } from './line-stream.ts';
import type { Answer, RouteCall, RouteTable } from './route-table.ts';

export interface EngineSources {
  readonly list: () => readonly EngineStatus[];
  /** Both throw `not_found`. */
  readonly get: (name: string) => Engine;
  readonly output: (name: string) => EngineOutput;
}

const linesDefault = 200;
const linesMax = 10_000;

export function engineApiRoutes(engines: EngineSources, leaving: AbortSignal): RouteTable {
  const engineOf = ({ param }: RouteCall): Engine => engines.get(param('name'));
  const action = (summary: string, act: (engine: Engine) => void) => ({
    POST: {
      surface: 'admin' as const,
      summary,
      answers: { 202: 'engine' as const },
      refusals: ['not_found' as const],
      answer: (call: RouteCall): Answer => {
        const engine = engineOf(call);
        act(engine);
        return { status: 202, body: engine.status() };
      },
    },
  });
  return {
    '/api/engines': {
      GET: {
        surface: 'admin',
        summary: 'The engines and where they stand.',
        answers: { 200: 'engines' },
        answer: () => ({ status: 200, body: { object: 'list', data: engines.list() } }),
      },
    },
    '/api/engines/{name}': {
      GET: {
        surface: 'admin',
        summary: 'Where one engine stands.',
        answers: { 200: 'engine' },
        refusals: ['not_found'],
        answer: (call) => ({ status: 200, body: engineOf(call).status() }),
      },
    },
    '/api/engines/{name}/start': action(
      'Starts the engine, also one that was stopped or has failed for good.',
      (engine) => engine.start(),
    ),
    '/api/engines/{name}/stop': action(
      'Stops the engine when the calls under way have ended; it stays so until it is started.',
      (engine) => void engine.end('stopped'),
    ),
    '/api/engines/{name}/restart': action(
      'Starts the engine anew when the calls under way have ended; who comes meanwhile waits.',
      (engine) => void engine.end('restart'),
    ),
    '/api/engines/{name}/unload': action(
      'Stops the engine when the calls under way have ended; the next call starts it again.',
      (engine) => void engine.end('idle'),
    ),
    '/api/engines/{name}/log': {
      GET: {
        surface: 'admin',
        summary:
          'The last lines that the engine wrote (`lines`, 200), and with `follow=1` what it writes from now on, as server-sent events.',
        answers: { 200: 'lines' },
        refusals: ['not_found', 'invalid_request'],
        answer: (call) => engineLog(engines.output(call.param('name')), call, leaving),
      },
    },
  };
}

function engineLog(output: EngineOutput, { query }: RouteCall, signal: AbortSignal): Answer {
  const before = output.tail(lineCount(query('lines')));
  const follow = query('follow');
  if (follow === undefined || follow === '0') return { status: 200, body: { object: 'list', data: before } };
  const listen = (told: (text: string) => void) => output.written.listen(told);
  return { status: 200, body: lineStream({ clock: systemClock, before, listen, signal }) };
}

function lineCount(written: string | undefined): number {
  const count = Number(written ?? linesDefault);
  if (Number.isInteger(count) && count >= 0 && count <= linesMax) return count;
  const message = `lines: a whole number from 0 to ${linesMax}, not ${JSON.stringify(written?.slice(0, 40))}`;
  throw new GreenroomError('invalid_request', message);
}
