// What an engine over HTTP says in a streamed chat, as the parts in which a worker engine would say it. Owns the call;
// whoever stops listening closes it.
import type { IncomingMessage } from 'node:http';
import type { ChatPart } from '../../engines/contract.ts';
import { GreenroomError } from '../../lifecycle/errors.ts';
import { ConnectionLost, type EngineCall } from './engine-call.ts';
import { SseEvents } from './sse-events.ts';

interface Chunk {
  readonly error?: { readonly message?: unknown } | string;
  readonly choices?: readonly {
    readonly delta?: { readonly content?: unknown };
    readonly message?: { readonly content?: unknown };
    readonly finish_reason?: unknown;
  }[];
  readonly usage?: Readonly<Record<string, unknown>> | null;
}

const saidCharsMax = 2000;

/** Rejects with ConnectionLost, and with what the engine says is wrong. Without an end there is no `finish`. */
export async function* chatOverHttp(
  engine: string,
  call: EngineCall,
  silenceMs: number,
): AsyncGenerator<ChatPart> {
  const response = await call.answered();
  if (response.statusCode !== 200) throw await refused(engine, response);
  const events = new SseEvents();
  const ending = new Ending();
  for await (const bytes of heard(call, response, silenceMs)) {
    for (const data of events.push(bytes)) yield* partsIn(engine, data, ending);
  }
  for (const data of events.end()) yield* partsIn(engine, data, ending);
  yield* ending.parts();
}

/** The reason and the counts come apart, and before the last word. */
class Ending {
  finish: string | undefined;
  usage: Record<string, number> | undefined;

  *parts(): Generator<ChatPart> {
    if (this.finish === undefined) return;
    yield { finish: this.finish, ...(this.usage && { usage: this.usage }) };
  }
}

function* partsIn(engine: string, data: string, ending: Ending): Generator<ChatPart> {
  if (data.trim() === '[DONE]') {
    ending.finish ??= 'stop';
    return;
  }
  const { error, choices, usage } = parsed(data);
  if (error) {
    const message = typeof error === 'string' ? error : String(error.message ?? JSON.stringify(error));
    throw failed(engine, message.slice(0, saidCharsMax));
  }
  const [choice] = choices ?? [];
  const text = choice?.delta?.content ?? choice?.message?.content;
  if (typeof text === 'string' && text !== '') yield { text };
  if (typeof choice?.finish_reason === 'string') ending.finish = choice.finish_reason;
  if (usage) ending.usage = Object.fromEntries(Object.entries(usage).filter(isCount));
}

const isCount = (entry: [string, unknown]): entry is [string, number] => Number.isFinite(entry[1]);

function parsed(data: string): Chunk {
  try {
    const chunk: unknown = JSON.parse(data);
    return typeof chunk === 'object' && chunk !== null ? chunk : {};
  } catch {
    // Something between the lines: nothing that is said.
    return {};
  }
}

/** The clock runs only while we wait for the engine, not while our caller takes his time. */
async function* heard(
  { silence }: EngineCall,
  response: IncomingMessage,
  silenceMs: number,
): AsyncGenerator<Buffer> {
  silence.watch(silenceMs);
  try {
    for await (const bytes of response) {
      silence.rest();
      yield bytes as Buffer;
      silence.resume();
    }
  } catch (error) {
    if (error instanceof ConnectionLost) throw error;
    throw new ConnectionLost('lost', 'the connection was cut in the middle of the answer', error);
  } finally {
    silence.stop();
  }
}

async function refused(engine: string, response: IncomingMessage): Promise<GreenroomError> {
  const { statusCode: status = 0 } = response;
  let text = '';
  for await (const bytes of response) {
    text += String(bytes);
    if (text.length > saidCharsMax) break;
  }
  const said = `HTTP ${status}: ${text.slice(0, saidCharsMax).trim()}`;
  if (status === 400 || status === 422)
    return new GreenroomError('invalid_request', `engine ${engine}: ${said}`, {
      details: { engine, status },
    });
  return failed(engine, said, status);
}

function failed(engine: string, what: string, status: number | null = null): GreenroomError {
  const details = { engine, ...(status !== null && { status }) };
  return new GreenroomError('engine_call_failed', `engine ${engine}: ${what}`, { details });
}
