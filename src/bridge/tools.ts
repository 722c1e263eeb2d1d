// The gateway's own tools in a bridged call: upstream's model may call them, and the caller sees nothing of it. They stand
// beside the caller's in every session that upstream is told, whatever the caller puts there; one of the caller's with the
// same name gives way, and is told. What runs beside the conversation has none of them.
import { isObject, type JsonObject, objectAt, textAt } from '../wire/json.ts';
import { toolTaken } from '../wire/own-tools.ts';
import type { BridgeDraft } from './draft.ts';
import { putItem } from './items.ts';
import type { BridgeInput, BridgeState, Speech } from './state.ts';

/** A tool that upstream may call and the caller never sees. */
export function declareTool(draft: BridgeDraft, tool: JsonObject): void {
  draft.set({ tools: [...draft.state.tools, tool] });
  const { phase, session, callersTools } = draft.state;
  if (phase !== 'ready') return;
  const type = textAt(session, 'type') ?? 'realtime';
  const update = { type, tools: withOurs(draft.state, callersTools ?? []) };
  draft.upAs({ kind: 'ours', callerEventId: null }, { type: 'session.update', session: update });
}

/** The caller's, and ours beside them. */
export function withOurs({ tools }: BridgeState, callers: readonly unknown[]): readonly unknown[] {
  return [...withoutOurs(tools, callers), ...tools];
}

export function withoutOurs(ours: readonly JsonObject[], tools: readonly unknown[]): readonly unknown[] {
  const names = new Set(ours.map((tool) => tool['name']));
  return tools.filter((tool) => !isObject(tool) || !names.has(tool['name']));
}

/** An update or a session as upstream is to have it; null clears the caller's alone. */
export function withToolsBeside(draft: BridgeDraft, session: JsonObject): JsonObject {
  const given = session['tools'];
  if (!Array.isArray(given) && given !== null) return session;
  const callers: readonly unknown[] = given ?? [];
  draft.set({ callersTools: callers });
  return draft.state.tools.length === 0 ? session : { ...session, tools: withOurs(draft.state, callers) };
}

/** Of an update: what of it the model will not be told of. */
export function tellTaken(draft: BridgeDraft, { tools }: JsonObject, eventId: string | null): void {
  const own = new Set(draft.state.tools.map((tool) => tool['name']));
  for (const tool of Array.isArray(tools) ? tools : []) {
    const name = isObject(tool) ? textAt(tool, 'name') : undefined;
    if (name === undefined || !own.has(name)) continue;
    draft.error('tool_name_taken', toolTaken(name), { param: 'session.tools', eventId });
  }
}

/** Of one response that the caller asks for. */
export function responseTools(state: BridgeState, response: JsonObject): JsonObject {
  if (state.tools.length === 0) return response;
  const given = response['tools'];
  if (response['conversation'] === 'none')
    return Array.isArray(given) ? response : { ...response, tools: state.callersTools ?? [] };
  return Array.isArray(given) ? { ...response, tools: withOurs(state, given) } : response;
}

/**
 * Of what the gateway has said. A summary is to be spoken, not to call anything; and who goes on after a call of ours is
 * not to call it again, also where the session has `tool_choice: "required"`.
 */
export function speechTools({ callersTools, session }: BridgeState, { instructions }: Speech): JsonObject {
  if (instructions !== null) return { tools: [], tool_choice: 'none' };
  return { tools: callersTools ?? [], tool_choice: session['tool_choice'] === 'none' ? 'none' : 'auto' };
}

/** Whether it is a call of ours. What an answer beside the conversation calls is its caller's, whatever its name. */
export function isOurs({ tools, asidesAnswering }: BridgeState, event: JsonObject): boolean {
  const item = objectAt(event, 'item');
  if (item?.['type'] !== 'function_call' || asidesAnswering.has(textAt(event, 'response_id') ?? ''))
    return false;
  return tools.some((tool) => tool['name'] !== undefined && tool['name'] === item['name']);
}

/** A call that is complete, once. */
export function callTool(draft: BridgeDraft, item: JsonObject): void {
  const callId = textAt(item, 'call_id') ?? '';
  const answered = draft.state.items.some(
    ({ item: other }) => other?.type === 'function_call_output' && other.call_id === callId,
  );
  if (answered || item['status'] === 'incomplete') return;
  draft.do({
    type: 'tool_called',
    callId,
    name: textAt(item, 'name') ?? '',
    arguments: textAt(item, 'arguments') ?? '',
  });
}

/** The output of a call of our own tool: the caller sees neither. */
export function answerCall(draft: BridgeDraft, input: Extract<BridgeInput, { type: 'answer_call' }>): void {
  const { callId, output, speak } = input;
  const item = { id: draft.newId('item'), type: 'function_call_output', call_id: callId, output };
  putItem(draft, item, { shown: 'no' });
  draft.upAs({ kind: 'ours', callerEventId: null }, { type: 'conversation.item.create', item });
  // Who has called several of ours goes on once.
  if (!speak || draft.state.speeches.some(isGoingOn)) return;
  const speech = { id: draft.newId('call'), instructions: null, voice: null, attempts: 0 };
  draft.set({ speeches: [...draft.state.speeches, speech] });
}

/**
 * A response of the conversation has ended. Nobody goes on where it has said something, or called something of the
 * caller's, who goes on then; or was cut off.
 */
export function keepGoingOn(
  draft: BridgeDraft,
  status: string | undefined,
  said: 'nothing' | 'something',
): void {
  if (said === 'nothing' && (status === 'completed' || status === 'incomplete')) return;
  const { speeches } = draft.state;
  if (speeches.some(isGoingOn)) draft.set({ speeches: speeches.filter((speech) => !isGoingOn(speech)) });
}

const isGoingOn = ({ instructions }: Speech): boolean => instructions === null;
