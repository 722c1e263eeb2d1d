// The HTTP surface. Attached after the door listens; every error is the one body that errors have.
import { getRequestListener, type HttpBindings, RequestError } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import type { EngineStatus } from '../engines/status.ts';
import { GreenroomError, toGreenroomError } from '../lifecycle/errors.ts';
import type { TreeNode } from '../lifecycle/report.ts';
import type { Pipeline } from '../pipelines/pipeline.ts';
import type { SessionFacts } from '../sessions/session-facts.ts';
import type { Access, Surface } from './access.ts';
import { type HealthFacts, healthBody, healthStatus, missingEngines } from './health.ts';
import { headersOf, methodNotAllowed } from './refusal.ts';

export interface RouteSources {
  readonly access: Access;
  readonly health: () => HealthFacts;
  readonly engines: () => readonly EngineStatus[];
  readonly sessions: () => readonly SessionFacts[];
  readonly pipelines: () => readonly Pipeline[];
  /** Throws `model_not_found`. */
  readonly resolve: (model: string | null) => Pipeline;
  readonly tree: () => TreeNode;
  readonly shutdown: () => void;
  /** Applied to every body: no secret leaves. */
  readonly mask: (text: string) => string;
  readonly onFault: (error: unknown) => void;
}

type Env = { Bindings: HttpBindings };
type Call = Context<Env>;

/** Path → method → surface and answer. One table, so that 404, 405 and access are decided in one place. */
type RouteTable = Readonly<
  Record<
    string,
    Readonly<Record<string, { readonly surface: Surface; readonly answer: (call: Call) => Answer }>>
  >
>;

interface Answer {
  readonly status: 200 | 202 | 503;
  readonly body: unknown;
}

const ok = (body: unknown): Answer => ({ status: 200, body });
const list = (data: readonly unknown[]): Answer => ok({ object: 'list', data });

function routes(sources: RouteSources): RouteTable {
  return {
    '/healthz': { GET: { surface: 'public', answer: () => ok({ status: 'alive' }) } },
    '/readyz': { GET: { surface: 'public', answer: () => readiness(sources) } },
    '/v1/health': { GET: { surface: 'caller', answer: () => ok(healthBody(sources.health())) } },
    '/v1/models': { GET: { surface: 'caller', answer: () => list(sources.pipelines().map(modelOf)) } },
    '/v1/realtime': {
      GET: {
        surface: 'caller',
        answer: ({ req }) => {
          // Browsers learn nothing of a refused upgrade: here they can ask why.
          sources.resolve(req.query('model') ?? null);
          throw new GreenroomError(
            'upgrade_required',
            '/v1/realtime speaks WebSocket: connect with ws://, subprotocol `realtime`',
          );
        },
      },
    },
    '/api/sessions': { GET: { surface: 'admin', answer: () => list(sources.sessions()) } },
    '/api/engines': { GET: { surface: 'admin', answer: () => list(sources.engines()) } },
    '/api/pipelines': { GET: { surface: 'admin', answer: () => list(sources.pipelines().map(pipelineOf)) } },
    '/api/tree': { GET: { surface: 'admin', answer: () => ok(sources.tree()) } },
    '/api/shutdown': {
      POST: {
        surface: 'admin',
        answer: () => {
          sources.shutdown();
          return { status: 202, body: { status: 'shutting_down' } };
        },
      },
    },
  };
}

export function requestListener(sources: RouteSources): ReturnType<typeof getRequestListener> {
  const app = new Hono<Env>();
  const table = routes(sources);
  for (const [path, methods] of Object.entries(table)) {
    app.all(path, (call) => {
      // What may be got may be asked for its head.
      const method = call.req.method === 'HEAD' ? 'GET' : call.req.method;
      const route = methods[method];
      if (!route) throw methodNotAllowed(path, Object.keys(methods), call.req.method);
      const refusal = sources.access.refusal(call.env.incoming, route.surface);
      if (refusal) throw refusal;
      const { status, body } = route.answer(call);
      return send(status, body, sources);
    });
  }
  const refuse = (thrown: unknown): Response => {
    const error = toGreenroomError(
      thrown,
      thrown instanceof RequestError ? 'invalid_request' : 'internal_error',
    );
    if (error.code === 'internal_error') sources.onFault(thrown);
    return send(error.httpStatus, error.toBody(), sources, headersOf(error));
  };
  app.onError(refuse);
  app.notFound(({ req }) => {
    const paths = Object.keys(table).join(', ');
    return refuse(new GreenroomError('not_found', `no such path: ${req.path}; there are ${paths}`));
  });
  return getRequestListener(async (request, env) => app.fetch(request, env as HttpBindings), {
    overrideGlobalObjects: false,
    errorHandler: refuse,
  });
}

function send(
  status: number,
  body: unknown,
  { mask }: RouteSources,
  more: Readonly<Record<string, string>> = {},
): Response {
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-store', ...more };
  return new Response(mask(JSON.stringify(body)), { status, headers });
}

/** States for everybody; why, and the engines' last lines, only where everybody is admin anyway. */
function readiness({ health, access }: RouteSources): Answer {
  const facts = health();
  const status = healthStatus(facts);
  const missing = missingEngines(facts.engines);
  if (status === 'healthy' || status === 'overloaded') return ok({ status: 'ready' });
  const names = missing.map(({ name, state, rung }) => `${name} ${rung ? `${state} at ${rung}` : state}`);
  const message = facts.leaving ? 'the gateway is leaving' : `not ready: ${names.join('; ')}`;
  const shown = access.open ? missing : missing.map(({ name, state, rung }) => ({ name, state, rung }));
  const error = new GreenroomError(facts.leaving ? 'server_shutdown' : 'not_ready', message, {
    details: { status, missing: shown },
  });
  return { status: 503, body: error.toBody() };
}

function modelOf({ name }: Pipeline) {
  return { id: name, object: 'model', created: 0, owned_by: 'greenroom' };
}

function pipelineOf(pipeline: Pipeline) {
  const { name, kind, needs, voice } = pipeline;
  return { name, kind, needs, voice, state: pipeline.readiness().state };
}
