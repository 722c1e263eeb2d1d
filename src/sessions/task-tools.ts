// The functions by which a session's model triggers tasks. Its caller never sees one: they are added to what the engine is
// told, and a call is answered here. A model that has only called, and said nothing, is asked once more with the answer.
import type { AnswerRequest, PipelineSession } from '../pipelines/pipeline.ts';
import type { EndingChunk, OutputChunk } from '../realtime/chunks.ts';
import type { ResponseSnapshot } from '../realtime/state.ts';
import type { SessionTasks } from '../tasks/session-tasks.ts';
import { toolOf, toolOutput } from '../tasks/tool.ts';
import type { NewId } from '../wire/ids.ts';
import type { Item } from '../wire/items.ts';
import type { Usage } from '../wire/server-events.ts';

type Responder = Pick<PipelineSession, 'respond'>;
type Call = Extract<OutputChunk, { type: 'call' }>;

export class TaskTools implements Responder {
  readonly #responder: Responder;
  readonly #tasks: SessionTasks;
  readonly #newId: NewId;
  /** The calls and their answers, by the item that they stand after; null: at the beginning. */
  readonly #hidden = new Map<string | null, readonly Item[]>();

  constructor(responder: Responder, tasks: SessionTasks, newId: NewId) {
    this.#responder = responder;
    this.#tasks = tasks;
    this.#newId = newId;
  }

  respond(request: AnswerRequest, signal: AbortSignal): AsyncIterable<OutputChunk> {
    // What is answered beside the conversation is asked for with all that it is to have.
    const plain = this.#tasks.tools.length === 0 || request.snapshot.conversation === 'none';
    if (plain) return this.#responder.respond(request, signal);
    return this.#respond(request, signal);
  }

  async *#respond(request: AnswerRequest, signal: AbortSignal): AsyncGenerator<OutputChunk> {
    const { snapshot } = request;
    const first = this.#round(snapshot, 'offered');
    let said = false;
    let called = false;
    let ending: EndingChunk | undefined;
    for await (const chunk of this.#responder.respond({ ...request, snapshot: first }, signal)) {
      if (signal.aborted) return;
      const task = chunk.type === 'call' ? this.#taskOf(chunk) : undefined;
      if (chunk.type === 'call' && task !== undefined) {
        called = true;
        this.#answer(chunk, task, snapshot);
      } else if (chunk.type === 'ending') ending = chunk;
      else {
        if (chunk.type !== 'source') said = true;
        yield chunk;
      }
    }
    if (called && !said && !signal.aborted) {
      const again = this.#round(snapshot, 'answered');
      for await (const chunk of this.#responder.respond({ ...request, snapshot: again }, signal)) {
        // Asked to speak, not to call: whoever calls again for all that has been answered already.
        if (chunk.type === 'call' && this.#taskOf(chunk) !== undefined) continue;
        // It is one answer, and who gives it was told.
        if (chunk.type === 'source') continue;
        yield chunk.type === 'ending' ? { ...chunk, usage: sum(ending?.usage, chunk.usage) } : chunk;
      }
    } else if (ending) yield ending;
  }

  /** What the engine is given: with what the caller does not see. */
  #round(snapshot: ResponseSnapshot, tools: 'offered' | 'answered'): ResponseSnapshot {
    const { session } = snapshot;
    const own = new Set(this.#tasks.tools.map(({ tool }) => tool?.name));
    const callers = session.tools.filter(({ name }) => !own.has(name as string));
    const offered = tools === 'offered' ? this.#tasks.tools.flatMap((plan) => toolOf(plan) ?? []) : [];
    const { tool_choice: asked } = session;
    // Who has to call has done so; and who has given no tool does not mean that ours has to be called.
    const free = tools === 'answered' || (asked === 'required' && callers.length === 0);
    const choice = free && asked !== 'none' ? 'auto' : asked;
    return {
      ...snapshot,
      items: this.#withHidden(snapshot.items),
      session: { ...session, tools: [...callers, ...offered], tool_choice: choice },
    };
  }

  #withHidden(items: readonly Item[]): readonly Item[] {
    if (this.#hidden.size === 0) return items;
    const after = (id: string | null) => this.#hidden.get(id) ?? [];
    return [...after(null), ...items.flatMap((item) => [item, ...after(item.id)])];
  }

  #taskOf({ name }: Call): string | undefined {
    return this.#tasks.tools.find(({ tool }) => tool?.name === name)?.name;
  }

  #answer({ name, arguments: written }: Call, task: string, { items }: ResponseSnapshot): void {
    const output = toolOutput(task, this.#tasks.trigger(task, 'tool'));
    const place = items.at(-1)?.id ?? null;
    // Some engines count their calls from nought in every answer, and the caller has some of its own.
    const head = { object: 'realtime.item', status: 'completed', call_id: this.#newId('call') } as const;
    this.#hidden.set(place, [
      ...(this.#hidden.get(place) ?? []),
      { ...head, id: this.#newId('item'), type: 'function_call', name, arguments: written },
      { ...head, id: this.#newId('item'), type: 'function_call_output', output },
    ]);
  }
}

/** Of both questions. */
function sum(first: Usage | null | undefined, second: Usage | null): Usage | null {
  if (!first || !second) return second ?? first ?? null;
  const added = (one: Usage['input_token_details'], other: Usage['input_token_details']) =>
    Object.fromEntries(Object.entries(other).map(([key, count]) => [key, count + (one[key] ?? 0)]));
  return {
    total_tokens: first.total_tokens + second.total_tokens,
    input_tokens: first.input_tokens + second.input_tokens,
    output_tokens: first.output_tokens + second.output_tokens,
    input_token_details: added(first.input_token_details, second.input_token_details),
    output_token_details: added(first.output_token_details, second.output_token_details),
  };
}
