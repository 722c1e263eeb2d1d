// What every engine here has in common: an HTTP server as OpenAI's API has it. Owns the listening socket and every call;
// SIGTERM ends both. Plain node:http, no packages.
import { once } from 'node:events';
import { createServer } from 'node:http';

const bodyBytesMax = 25 * 1024 * 1024;

/** What a caller is told: as OpenAI says it, with a status. */
export class ApiError extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/**
 * Listens at the port that the command line names.
 * @param models names, for `GET /v1/models`
 * @param answers by path, what is done with a POST: `async ({ body, type, response, signal })`. The signal aborts when the
 *   caller has gone, or the engine is told to leave
 * @param atOnce calls at a time; further ones wait
 * @param waitingMax so many wait; one more is refused with 503
 * @param close releases what the engine holds
 */
export async function serve({ models, answers, atOnce = 2, waitingMax = 8, close }) {
  const calls = new Set();
  const seats = new Seats(atOnce, waitingMax);

  async function answer(request, response) {
    const path = request.url.split('?')[0];
    if (path === '/health') return sendJson(response, { status: 'ok', ...seats.taken });
    if (path === '/v1/models') return sendJson(response, modelList(models));
    const handler = answers[path];
    if (!handler) throw new ApiError(404, 'not_found', `there is no ${path}`);
    if (request.method !== 'POST') throw new ApiError(405, 'method_not_allowed', `${path} takes POST`);
    const call = new AbortController();
    calls.add(call);
    response.on('close', () => call.abort(new ApiError(499, 'cancelled', 'the caller has gone')));
    try {
      const body = await bodyOf(request);
      const type = request.headers['content-type'] ?? 'application/json';
      await seats.seat(call.signal, () => handler({ body, type, response, signal: call.signal }));
    } finally {
      calls.delete(call);
    }
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error) => sendError(response, error));
  });
  const leave = () => {
    const leaving = new ApiError(503, 'server_shutdown', 'the engine is leaving');
    for (const call of calls) call.abort(leaving);
    close();
    server.close();
    // Whoever has nothing under way keeps nobody here.
    setImmediate(() => server.closeIdleConnections());
  };
  process.once('SIGTERM', leave).once('SIGINT', leave);
  server.listen(Number(process.argv[2]), process.argv[3] ?? '127.0.0.1');
  await once(server, 'listening');
  console.log(`listening at port ${process.argv[2]}`);
}

/** The fields of a JSON body. */
export function json(body) {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw new ApiError(400, 'invalid_request', `the body is no JSON: ${error.message}`);
  }
}

/** The fields of a form, its files among them. */
export async function form(body, type) {
  try {
    return await new Response(body, { headers: { 'content-type': type } }).formData();
  } catch (error) {
    throw new ApiError(400, 'invalid_request', `the body is no form (multipart/form-data): ${error.message}`);
  }
}

export function sendJson(response, value, status = 200) {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

/** Chunks as they come; one that reads slowly is waited for. The head goes out with the first. */
export async function sendStream(response, type, chunks, signal) {
  for await (const chunk of chunks) {
    if (!response.headersSent) response.writeHead(200, { 'content-type': type });
    if (!response.write(chunk)) await once(response, 'drain', { signal });
  }
  response.end();
}

/** Before the head a status; in a stream of events an event, which OpenAI's clients raise; else a broken connection. */
function sendError(response, error) {
  const { status = 500, code = 'engine_failed', message } = error;
  if (response.destroyed) return;
  if (status >= 500) console.error(message);
  const type = status < 500 ? 'invalid_request_error' : 'server_error';
  const said = { error: { message, type, param: null, code } };
  if (!response.headersSent) {
    // The rest of a body that nobody wants is not waited for.
    response.setHeader('connection', 'close');
    if (status === 503) response.setHeader('retry-after', '1');
    sendJson(response, said, status);
  } else if (response.getHeader('content-type') === 'text/event-stream') {
    response.end(`data: ${JSON.stringify(said)}\n\n`);
  } else response.destroy();
}

async function bodyOf(request) {
  const chunks = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax) throw new ApiError(413, 'body_too_large', `${bodyBytesMax} bytes at most`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function modelList(names) {
  const data = names.map((id) => ({ id, object: 'model', created: 0, owned_by: 'debian' }));
  return { object: 'list', data };
}

/** So many calls at a time, the others in line; who leaves the line is not called any more. */
class Seats {
  #atOnce;
  #free;
  #line = [];
  #waitingMax;

  constructor(atOnce, waitingMax) {
    this.#atOnce = atOnce;
    this.#free = atOnce;
    this.#waitingMax = waitingMax;
  }

  get taken() {
    return { active: this.#atOnce - this.#free, waiting: this.#line.length };
  }

  async seat(signal, work) {
    if (this.#free > 0) this.#free -= 1;
    else await this.#wait(signal);
    try {
      signal.throwIfAborted();
      await work();
    } finally {
      const next = this.#line.shift();
      if (next) next();
      else this.#free += 1;
    }
  }

  #wait(signal) {
    if (this.#line.length >= this.#waitingMax)
      throw new ApiError(503, 'engine_busy', `${this.#line.length} calls wait already`);
    return new Promise((seated, gone) => {
      this.#line.push(seated);
      signal.addEventListener('abort', () => {
        const at = this.#line.indexOf(seated);
        if (at >= 0) this.#line.splice(at, 1);
        if (at >= 0) gone(signal.reason);
      });
    });
  }
}
