// The gateway's own tools beside those of the caller: offered in every response of the conversation, whatever the caller
// says of its own, and never shown to it.
import { isObject, type JsonObject } from '../wire/json.ts';
import type { BridgeState } from './state.ts';

/** Of two with one name, ours counts: upstream takes no name twice. The very same value where there is none of ours. */
export function withOwnTools(state: BridgeState, given: unknown): unknown {
  return state.tools.length === 0 ? given : [...callersTools(state, given), ...state.tools];
}

export function callersTools({ tools }: BridgeState, given: unknown): readonly unknown[] {
  const names = new Set(tools.map((tool) => tool['name']));
  return Array.isArray(given) ? given.filter((tool) => !isObject(tool) || !names.has(tool['name'])) : [];
}

/** A response beside the conversation has tools as well: its own or the session's, and none of ours. */
export function offered(state: BridgeState, response: JsonObject): JsonObject {
  const own = response['tools'];
  const aside = response['conversation'] === 'none';
  if (state.tools.length === 0 || (own === undefined && !aside)) return response;
  if (aside) return { ...response, tools: callersTools(state, own ?? state.session['tools']) };
  return { ...response, tools: withOwnTools(state, own) };
}
