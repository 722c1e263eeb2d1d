// A request that is answered by an engine over HTTP: passed on, and its answer back. Its place at the engine is given
// back as soon as the engine has done its part, however long the caller takes.
import type { Engine } from '../../engines/engine.ts';
import type { Lease } from '../../engines/lease.ts';
import { EngineCall, type EngineCallOptions } from './engine-call.ts';
import type { EnginePath } from './engine-paths.ts';
import { relay } from './relay.ts';
import type { Reply } from './reply.ts';
import { reasonOf } from './why-lost.ts';

export interface ProxyOptions extends Omit<EngineCallOptions, 'headers'> {
  readonly path: EnginePath;
  readonly engine: Engine;
  readonly lease: Lease;
  readonly reply: Reply;
}

/** Resolves when the engine has done its part and the caller has all of it. Rejects with what he is to be told. */
export async function proxy(options: ProxyOptions): Promise<void> {
  const { path, engine, lease, reply, silence, clock, signal } = options;
  const call = new EngineCall({ ...options, headers: headersOf(path), onHeard: () => lease.heard() });
  try {
    const response = await call.answered();
    lease.release(await relay({ engine: engine.name, path: path.name, call, response, reply, silence }));
    await reply.end();
  } catch (thrown) {
    lease.release(signal.aborted ? 'cancelled' : 'failed');
    throw await reasonOf(thrown, { engine, lease, clock, signal });
  } finally {
    call.close();
  }
}

/** What we must be able to read, an engine must not pack. Who asks it directly gets it as he wants it. */
function headersOf({ body }: EnginePath): Readonly<Record<string, string>> {
  if (body === 'any') return {};
  // `curl -d` says that it sends a form.
  return { 'accept-encoding': 'identity', ...(body === 'json' && { 'content-type': 'application/json' }) };
}
