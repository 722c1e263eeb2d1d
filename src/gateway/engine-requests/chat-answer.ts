// What a chat engine says, on its way to the caller: as a stream, or gathered into one answer. Says it when the engine
// says nothing, or ends without an end.
import type { ChatPart } from '../../engines/contract.ts';
import { GreenroomError } from '../../lifecycle/errors.ts';
import type { ChatFormat, Said, ToolCall, Usage } from './chat-formats.ts';
import { bodyLimits } from './outflow.ts';
import { eventHead, type Reply } from './reply.ts';

export interface ChatAnswerOptions {
  readonly engine: string;
  readonly parts: AsyncIterable<ChatPart>;
  readonly format: ChatFormat;
  readonly form: 'stream' | 'whole';
  readonly reply: Reply;
  readonly signal: AbortSignal;
}

/** Of an answer that is gathered. */
const gatheredCharsMax = 16 * 1024 * 1024;

export async function answerChat(options: ChatAnswerOptions): Promise<void> {
  const { engine, parts, form, reply, signal } = options;
  const gathered = new Gathered(engine);
  for await (const part of parts) {
    const first = gathered.nothing;
    const calls = gathered.toolCalls.length;
    gathered.add(part);
    // An empty beginning is none yet: it may be all there is.
    if (form === 'stream' && !gathered.nothing) await streamed(options, part, { first, calls });
  }
  if (signal.aborted) return;
  const said = gathered.end();
  if (form === 'stream') reply.push(Buffer.from(options.format.end));
  else sendJson(reply, options.format.whole(said));
}

export function sendJson(reply: Reply, body: object): void {
  const bytes = Buffer.from(JSON.stringify(body));
  const headers = { 'content-type': 'application/json', 'content-length': String(bytes.length) };
  reply.begin({ status: 200, headers, form: 'body', limits: bodyLimits });
  reply.push(bytes);
}

async function streamed(
  { format, reply }: ChatAnswerOptions,
  part: ChatPart,
  place: { readonly first: boolean; readonly calls: number },
): Promise<void> {
  const events = format.events(part, place).map((event) => `data: ${JSON.stringify(event)}\n\n`);
  if (events.length === 0) return;
  if (reply.state !== 'answering') reply.begin(eventHead);
  await reply.send(Buffer.from(events.join('')));
}

class Gathered {
  readonly toolCalls: ToolCall[] = [];
  readonly #engine: string;
  readonly #texts: string[] = [];
  #chars = 0;
  #finish: string | undefined;
  #usage: Usage | undefined;

  constructor(engine: string) {
    this.#engine = engine;
  }

  get nothing(): boolean {
    return this.#chars === 0 && this.toolCalls.length === 0;
  }

  add(part: ChatPart): void {
    if ('text' in part) {
      this.#chars += part.text.length;
      if (this.#chars > gatheredCharsMax)
        throw this.#failed(`its answer is over ${gatheredCharsMax} characters`);
      this.#texts.push(part.text);
    } else if ('toolCall' in part) this.toolCalls.push(part.toolCall);
    else {
      this.#finish = part.finish;
      this.#usage = part.usage;
    }
  }

  /** Throws when there is nothing, or no end. */
  end(): Said {
    if (this.nothing)
      throw new GreenroomError('engine_no_output', `engine ${this.#engine}: it ended without a word`, {
        details: { engine: this.#engine },
      });
    if (this.#finish === undefined)
      throw this.#failed('its answer has no end: the last part says why it finished');
    return {
      ...{ text: this.#texts.join(''), toolCalls: this.toolCalls },
      ...{ finish: this.#finish, usage: this.#usage },
    };
  }

  #failed(what: string): GreenroomError {
    return new GreenroomError('engine_call_failed', `engine ${this.#engine}: ${what}`, {
      details: { engine: this.#engine },
    });
  }
}
