// The HTTP surface: requests find their route, errors their one body. Attached after the door listens.
import { getRequestListener, type HttpBindings, RequestError } from '@hono/node-server';
import { Hono } from 'hono';
import { GreenroomError, toGreenroomError } from '../lifecycle/errors.ts';
import { operations } from '../telemetry/operations.ts';
import { headersOf, methodNotAllowed } from './refusal.ts';
import { bytesOf, readJson } from './request-body.ts';
import { type RouteSources, routeTable } from './route-table.ts';

export interface ListenerOptions extends RouteSources {
  readonly onFault: (error: unknown) => void;
}

export function requestListener(options: ListenerOptions): ReturnType<typeof getRequestListener> {
  const app = new Hono<{ Bindings: HttpBindings }>();
  const table = routeTable(options);
  for (const [path, methods] of Object.entries(table)) {
    app.all(path.replace(/\{(\w+)\}/g, ':$1'), async (call) => {
      // What may be got may be asked for its head.
      const method = call.req.method === 'HEAD' ? 'GET' : call.req.method;
      const route = methods[method];
      if (!route || 'answeredBy' in route)
        throw methodNotAllowed(path, Object.keys(methods), call.req.method);
      const refusal = options.access.refusal(call.env.incoming, route.surface);
      if (refusal) throw refusal;
      const { status, body, contentType, headers } = await route.answer({
        method: call.req.method,
        header: (name) => call.req.header(name),
        param: (name) => call.req.param(name) ?? '',
        query: (name) => call.req.query(name),
        json: () => readJson(call.req.raw),
        bytes: () => bytesOf(call.req.raw),
      });
      const type = contentType === undefined ? {} : { 'content-type': contentType };
      return operations.during('http answer', `${method} ${path}`, () =>
        send(status, body, options, { ...headers, ...type }),
      );
    });
  }
  const refuse = (thrown: unknown): Response => {
    const error = toGreenroomError(
      thrown,
      thrown instanceof RequestError ? 'invalid_request' : 'internal_error',
    );
    if (error.code === 'internal_error') options.onFault(thrown);
    return send(error.httpStatus, error.toBody(), options, headersOf(error));
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
  { mask }: ListenerOptions,
  more: Readonly<Record<string, string>> = {},
): Response {
  if (body instanceof ReadableStream) {
    const streamed = { 'content-type': 'text/event-stream', 'cache-control': 'no-store', ...more };
    return new Response(body, { status, headers: streamed });
  }
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-store', ...more };
  // A file that was shipped holds no secret, and is sent as it is.
  if (body instanceof Uint8Array) return new Response(body as Uint8Array<ArrayBuffer>, { status, headers });
  const text = 'content-type' in more && typeof body === 'string' ? body : JSON.stringify(body);
  return new Response(mask(text), { status, headers });
}
