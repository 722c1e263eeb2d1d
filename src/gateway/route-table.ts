// What the HTTP surface answers: path → method → who may, what it is, the answer. One table, from which requests are
// answered, errors told and /openapi.json made.
import type { ErrorCode } from '../lifecycle/codes.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import type { TreeNode } from '../lifecycle/report.ts';
import type { PipelineBasics } from '../pipelines/pipeline.ts';
import type { PlaybackDesk } from '../playback/desk.ts';
import type { Recordings } from '../recordings/recordings.ts';
import type { TaskDesk } from '../tasks/task-desk.ts';
import type { Access, Surface } from './access.ts';
import type { ApiSchemaName } from './api-schemas.ts';
import { createClientSecret } from './client-secret-route.ts';
import type { ClientSecrets } from './client-secrets.ts';
import { consoleRoutes } from './console/console-routes.ts';
import { type EngineSources, engineApiRoutes } from './engine-api-routes.ts';
import { engineRoutes } from './engine-routes.ts';
import { type EventSources, eventRoutes } from './events/event-routes.ts';
import { type GatewayLog, logChangeIn } from './gateway-log.ts';
import { type HealthFacts, healthBody, healthStatus, missingEngines } from './health.ts';
import type { MetricFacts } from './metrics.ts';
import { type PipelineSources, pipelineRoutes } from './pipeline-routes.ts';
import { playbackRoutes } from './playback-routes.ts';
import { recordingRoutes } from './recording-routes.ts';
import { type ReloadSources, reloadRoutes } from './reload-routes.ts';
import { type RunSources, runRoutes } from './run-routes.ts';
import { type SessionSources, sessionRoutes } from './session-routes.ts';
import { taskRoutes } from './task-routes.ts';
import { type TurnSources, turnRoutes } from './turn-routes.ts';

export interface RouteSources extends EventSources, SessionSources {
  readonly metrics: () => readonly MetricFacts[];
  readonly access: Access;
  readonly health: () => HealthFacts;
  readonly engines: EngineSources;
  readonly runs: RunSources;
  readonly tasks: TaskDesk;
  readonly turns: TurnSources;
  readonly recordings: Recordings;
  readonly playbacks: PlaybackDesk;
  readonly pipelines: () => readonly PipelineBasics[];
  readonly restarts: PipelineSources;
  readonly reloads: ReloadSources;
  /** Names of pipelines and engines. */
  readonly models: () => readonly string[];
  /** Throws `model_not_found`. */
  readonly resolve: (model: string | null) => PipelineBasics;
  readonly clientSecrets: ClientSecrets;
  readonly log: Pick<GatewayLog, 'settings' | 'change'>;
  readonly tree: () => TreeNode;
  readonly shutdown: () => void;
  /** Aborts when the gateway leaves. */
  readonly leaving: AbortSignal;
}

export interface Answer {
  readonly status: 200 | 201 | 202 | 206 | 503;
  /** A stream is sent as it comes, as server-sent events where no type is given, a text or bytes with their type as they are, everything else as JSON. */
  readonly body: unknown;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface RouteCall {
  /** Also `HEAD`, of what may be got. */
  readonly method: string;
  readonly header: (name: string) => string | undefined;
  /** A part of the path: `{name}`. */
  readonly param: (name: string) => string;
  readonly query: (name: string) => string | undefined;
  /** The body; undefined when there is none. Rejects with `invalid_request` and `body_too_large`. */
  readonly json: () => Promise<unknown>;
  /** The body as it comes, with no limit but its reader's. */
  readonly bytes: () => AsyncIterable<Uint8Array>;
}

interface RouteFacts {
  readonly surface: Surface;
  readonly summary: string;
  readonly body?: ApiSchemaName;
  /** What a good answer looks like, by status. */
  readonly answers: Readonly<Record<number, ApiSchemaName>>;
  /** The codes of its own refusals, besides those that every path of its surface has. */
  readonly refusals?: readonly ErrorCode[];
}

export interface Route extends RouteFacts {
  readonly answer: (call: RouteCall) => Answer | Promise<Answer>;
}

/** Answered before the router is asked (engine-requests/, events/). */
export interface EngineRoute extends RouteFacts {
  readonly answeredBy: 'engine' | 'events';
}

export type RouteTable = Readonly<Record<string, Readonly<Record<string, Route | EngineRoute>>>>;

const ok = (body: unknown, contentType?: string): Answer => ({
  ...{ status: 200, body },
  ...(contentType !== undefined && { contentType }),
});
const list = (data: readonly unknown[]): Answer => ok({ object: 'list', data });

export function routeTable(sources: RouteSources): RouteTable {
  const table: RouteTable = {
    '/healthz': {
      GET: {
        surface: 'public',
        summary: 'Whether the process lives.',
        answers: { 200: 'alive' },
        answer: () => ok({ status: 'alive' }),
      },
    },
    '/readyz': {
      GET: {
        surface: 'public',
        summary: 'Whether every engine is ready; what is missing otherwise.',
        answers: { 200: 'ready', 503: 'error' },
        answer: () => readiness(sources),
      },
    },
    '/v1/health': {
      GET: {
        surface: 'caller',
        summary: 'How the gateway is, in full.',
        answers: { 200: 'health' },
        answer: () => ok(healthBody(sources.health())),
      },
    },
    '/v1/models': {
      GET: {
        surface: 'caller',
        summary: 'What a caller may name as its model: the pipelines, and the engines that answer requests.',
        answers: { 200: 'models' },
        answer: () => list(sources.models().map(modelOf)),
      },
    },
    '/v1/realtime': {
      GET: {
        surface: 'session',
        summary: 'A session: WebSocket, subprotocol `realtime`, events of the OpenAI Realtime API.',
        answers: {},
        refusals: ['upgrade_required', 'model_not_found'],
        answer: ({ query }) => {
          // Browsers learn nothing of a refused upgrade: here they can ask why.
          sources.resolve(query('model') ?? null);
          throw new GreenroomError(
            'upgrade_required',
            '/v1/realtime speaks WebSocket: connect with ws://, subprotocol `realtime`',
          );
        },
      },
    },
    '/v1/realtime/client_secrets': {
      POST: {
        surface: 'admin',
        summary: 'A short-lived key for a page, with the session it is for.',
        body: 'clientSecretRequest',
        answers: { 200: 'clientSecret' },
        refusals: ['invalid_request', 'body_too_large', 'model_not_found', 'too_many_client_secrets'],
        answer: async ({ json }) => ok(createClientSecret(await json(), sources)),
      },
    },
    ...engineRoutes(),
    ...sessionRoutes(sources),
    ...taskRoutes(sources.tasks),
    ...turnRoutes(sources.turns),
    ...recordingRoutes(sources.recordings),
    ...playbackRoutes(sources.playbacks),
    ...engineApiRoutes(sources.engines, sources.leaving),
    ...runRoutes(sources.runs),
    ...eventRoutes(sources),
    ...pipelineRoutes(sources.restarts),
    ...reloadRoutes(sources.reloads),
    ...consoleRoutes(sources),
    '/api/tree': {
      GET: {
        surface: 'admin',
        summary: 'The live tree of what is open, who owns it and for how long.',
        answers: { 200: 'tree' },
        answer: () => ok(sources.tree()),
      },
    },
    '/api/log': {
      GET: {
        surface: 'admin',
        summary: 'How much the log says.',
        answers: { 200: 'log' },
        answer: () => ok(sources.log.settings),
      },
      POST: {
        surface: 'admin',
        summary: 'Changes how much the log says, from the next line on.',
        body: 'logChange',
        answers: { 200: 'log' },
        refusals: ['invalid_request', 'body_too_large'],
        answer: async ({ json }) => ok(sources.log.change(logChangeIn(await json()))),
      },
    },
    '/metrics': {
      GET: {
        surface: 'admin',
        summary: 'What is measured, for Prometheus.',
        answers: { 200: 'text' },
        answer: async () => {
          const { metricsText } = await import('./metrics.ts');
          const { text, contentType } = await metricsText(sources.metrics());
          return ok(text, contentType);
        },
      },
    },
    '/api/shutdown': {
      POST: {
        surface: 'admin',
        summary: 'Asks the gateway to leave. The answer comes first.',
        answers: { 202: 'shuttingDown' },
        answer: () => {
          sources.shutdown();
          return { status: 202, body: { status: 'shutting_down' } };
        },
      },
    },
    '/openapi.json': {
      GET: {
        surface: 'public',
        summary: 'This description.',
        answers: { 200: 'anything' },
        answer: async () => {
          const { openApi } = await import('./openapi.ts');
          return ok(openApi(table));
        },
      },
    },
  };
  return table;
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

function modelOf(name: string) {
  return { id: name, object: 'model', created: 0, owned_by: 'greenroom' };
}
