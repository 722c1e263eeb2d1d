// What a watcher says while it watches, over its WebSocket or by a post: answered in its stream, in order.
import type { Hub } from '../../hub/hub.ts';
import type { Intake } from '../../hub/intake.ts';
import { readPublish } from '../../hub/published.ts';
import type { Subscriber } from '../../hub/subscriber.ts';
import { isReserved } from '../../hub/topic.ts';
import { GreenroomError, toGreenroomError } from '../../lifecycle/errors.ts';
import { parseEventId } from '../../wire/hub.ts';
import type { TopicGrant } from './topic-grant.ts';

export interface RequestContext {
  readonly hub: Hub;
  readonly subscriber: Subscriber;
  readonly grant: TopicGrant;
  /** Whether the gateway's own topics are watched here, or all the others. */
  readonly reserved: boolean;
  /** Made when it first publishes. */
  readonly intake: () => Intake;
}

type Ref = string | number | undefined;

/** Never throws: what is wrong is told. */
export function heed(text: string, context: RequestContext): void {
  let ref: Ref;
  try {
    const request = requestOf(text);
    ref = refOf(request['ref']);
    answer(text, request, ref, context);
  } catch (thrown) {
    const { code, message } = toGreenroomError(thrown);
    const error = { type: 'error', code, message, ...(ref !== undefined && { ref }) } as const;
    // What has no name of its own is known by its place among the answers.
    if (ref === undefined) context.subscriber.answer(error);
    else context.subscriber.tell(error);
  }
}

function answer(
  text: string,
  request: Readonly<Record<string, unknown>>,
  ref: Ref,
  { hub, subscriber, grant, reserved, intake }: RequestContext,
): void {
  // Who has left is told nothing any more, but what he published last counts.
  if (subscriber.position === 'closed' && request['type'] !== 'publish') return;
  switch (request['type']) {
    case 'subscribe':
    case 'unsubscribe': {
      const patterns = topicsOf(request['topics']);
      const refusal = request['type'] === 'subscribe' ? grant.mayWatch(patterns) : null;
      if (refusal) throw refusal;
      const other = patterns.find((pattern) => isReserved(pattern) !== reserved);
      if (other !== undefined && request['type'] === 'subscribe') throw mixed(other);
      return hub.change(subscriber, {
        ...{ how: request['type'], patterns, snapshot: request['snapshot'] === true },
      });
    }
    case 'publish': {
      const taken = intake().publish(readPublish(Buffer.from(text)));
      if (taken.state === 'rejected') throw taken.error;
      if (ref !== undefined) subscriber.tell({ type: 'published', id: taken.id, ref });
      return;
    }
    case 'pong': {
      const id = parseEventId(String(request['id']));
      if (!id) throw invalid('pong has the `id` of the last event that was processed');
      // One of an earlier life of the gateway is an answer too: of this one nothing was processed yet.
      return hub.processed(subscriber, id.epoch === hub.ring.epoch ? id.seq : 0);
    }
    case 'ping':
      return subscriber.tell({ type: 'pong', ...(ref !== undefined && { ref }) });
    default:
      throw invalid(
        `type is one of subscribe, unsubscribe, publish, ping, pong, got ${JSON.stringify(request['type'])?.slice(0, 64)}`,
      );
  }
}

function requestOf(text: string): Readonly<Record<string, unknown>> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw invalid('a message is JSON with a `type`, and this is no JSON');
  }
  if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return { ...parsed };
  throw invalid('a message is a JSON object with a `type`');
}

function topicsOf(given: unknown): readonly string[] {
  if (Array.isArray(given) && given.length > 0 && given.every((topic) => typeof topic === 'string'))
    return given;
  throw invalid('topics is a list of patterns such as ["machine.>"]');
}

function refOf(given: unknown): Ref {
  if (typeof given === 'number' && Number.isFinite(given)) return given;
  return typeof given === 'string' ? given.slice(0, 128) : undefined;
}

const invalid = (message: string) => new GreenroomError('invalid_request', message);

/** Also when it watches nothing at the moment: a connection reads one ring. */
function mixed(pattern: string): GreenroomError {
  const message = `${pattern} is of another ring than what this connection was opened for: open one more`;
  return new GreenroomError('mixed_topics', message);
}
