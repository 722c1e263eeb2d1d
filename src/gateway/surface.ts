// The HTTP surface: what engines answer is passed to them as it comes, events have their own, everything else goes
// through the table of routes.
// Heavy, and imported after the door listens.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Config } from '../config/types.ts';
import type { Scope } from '../lifecycle/scope.ts';
import { PlaybackDesk } from '../playback/desk.ts';
import type { LobbyWaits } from '../sessions/lobby.ts';
import type { AnyPipeline } from '../sessions/open-call.ts';
import type { SessionRegistry } from '../sessions/registry.ts';
import type { SessionFacts } from '../sessions/session-facts.ts';
import { randomId } from '../wire/ids.ts';
import { crossOrigin } from './cross-origin.ts';
import { EngineRequests, type EngineRequestsOptions } from './engine-requests/engine-requests.ts';
import { Events } from './events/events.ts';
import { hubMetrics } from './events/hub-metrics.ts';
import { gatewayMetrics, waitMetrics } from './gateway-metrics.ts';
import type { Instruments } from './instruments.ts';
import { processMetrics } from './process-metrics.ts';
import type { Records } from './records.ts';
import { type ListenerOptions, requestListener } from './routes.ts';
import { SessionLibrary } from './session-library.ts';
import { taskMetrics } from './task-metrics.ts';
import { voiceMetrics } from './voice-metrics.ts';

/** `scope` is the whole gateway's. */
export type SurfaceOptions = EngineRequestsOptions &
  Omit<ListenerOptions, 'models' | 'clients' | 'producers' | 'metrics' | 'library' | 'runs' | 'playbacks'> & {
    readonly config: Config;
    readonly instruments: Instruments;
    readonly lobbyWaits: LobbyWaits;
    readonly sessions: () => readonly SessionFacts[];
    readonly records: Records;
    readonly registry: SessionRegistry;
    readonly resolve: (model: string | null) => AnyPipeline;
    /** Takes the place of a session in the generation of a pipeline; returns what gives it back. */
    readonly enter: (pipeline: AnyPipeline, session: string) => () => void;
  };

export interface Surface {
  readonly engines: EngineRequests;
  readonly events: Events;
  /** Where producers of this machine write; null: nowhere. */
  readonly eventsSocket: string | null;
  readonly request: (request: IncomingMessage, response: ServerResponse) => void;
}

export async function openSurface(options: SurfaceOptions): Promise<Surface> {
  const { scope } = options;
  const engines = new EngineRequests({ ...options, scope: requestsScope(scope) });
  const events = new Events({ ...options, scope });
  const models = () => [...new Set([...options.pipelines().map(({ name }) => name), ...engines.models()])];
  const { producers } = events;
  const { store } = options.records;
  const answer = requestListener({
    ...options,
    models,
    library: new SessionLibrary({ ...options, store }),
    runs: { store, names: () => options.engines.list().map(({ name }) => name) },
    playbacks: new PlaybackDesk({ ...options, sessions: options.registry, newId: randomId }),
    clients: (query) => events.clients(query),
    producers: () => producers.list(),
    metrics: () => [
      ...gatewayMetrics(options),
      ...waitMetrics(options),
      ...options.instruments.life.metrics(),
      ...processMetrics(options.instruments.collections),
      ...taskMetrics(() => options.tasks.measures),
      ...hubMetrics(events.hubs),
      ...voiceMetrics(options.pipelines),
    ],
  });
  return {
    engines,
    events,
    eventsSocket: await events.listen(),
    request: (request, response) => {
      if (crossOrigin(options.access, request, response) === 'answered') return;
      const taken = engines.request(request, response) || events.request(request, response);
      if (!taken) void answer(request, response);
    },
  };
}

const requestsScope = (scope: Scope): Scope =>
  scope.child('requests', { kind: 'requests', order: 'parallel' });
