// One answer on its way to its caller: streamed as it is made, or gathered and sent whole.
import type { ServerResponse } from 'node:http';
import type { AnswerForm } from './answers.ts';
import { EventStream } from './event-stream.ts';
import { failureOf, send } from './http-answer.ts';
import type { Ears, Outcome, Part } from './language-model.ts';
import type { Delivery } from './sampling-fields.ts';

export interface Destination {
  readonly response: ServerResponse;
  readonly form: AnswerForm;
  readonly delivery: Delivery;
  readonly signal: AbortSignal;
}

/** Throws what the work throws, unless a stream was begun, which tells of it then. */
export async function deliver(to: Destination, work: (ears: Ears) => Promise<Outcome>): Promise<void> {
  const { response, form, delivery, signal } = to;
  if (!delivery.stream) {
    const parts: Part[] = [];
    const outcome = await work({ signal, onPart: (part) => parts.push(part) });
    return send(response, 200, form.whole(parts, outcome));
  }
  const stream = new EventStream(response, form);
  try {
    const outcome = await work({ signal, onPart: (part) => stream.part(part) });
    stream.end(outcome, delivery.usage);
  } catch (error) {
    if (stream.state !== 'open') throw error;
    stream.fail(failureOf(error, signal));
  }
}
