// The HTTP surface: what engines answer is passed to them as it comes, everything else goes through the table of routes.
// Heavy, and imported after the door listens.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { EngineRequests, type EngineRequestsOptions } from './engine-requests/engine-requests.ts';
import { type ListenerOptions, requestListener } from './routes.ts';

export interface Surface {
  readonly engines: EngineRequests;
  readonly request: (request: IncomingMessage, response: ServerResponse) => void;
}

export function makeSurface(options: EngineRequestsOptions & Omit<ListenerOptions, 'models'>): Surface {
  const engines = new EngineRequests(options);
  const models = () => [...new Set([...options.pipelines().map(({ name }) => name), ...engines.models()])];
  const answer = requestListener({ ...options, models });
  return {
    engines,
    request: (request, response) => {
      if (!engines.request(request, response)) void answer(request, response);
    },
  };
}
