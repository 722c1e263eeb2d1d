// A `session.update` laid over a session, for callers whom the lobby answers before upstream can: one level for the
// session, one for each side of its audio; null clears. What nobody here knows is taken as it is.
import { isObject, type JsonObject, objectAt, textAt } from '../wire/json.ts';
import { serverVadDefault } from '../wire/session-config.ts';

const semanticVadDefault = {
  type: 'semantic_vad',
  eagerness: 'auto',
  create_response: true,
  interrupt_response: true,
};

/** Clients read every default from what they are shown: OpenAI's own, then. */
const detectionDefaults: Readonly<Record<string, JsonObject>> = {
  server_vad: { ...serverVadDefault },
  semantic_vad: semanticVadDefault,
};

/** What is cleared by null, and to what. */
const cleared: JsonObject = { instructions: '', tools: [], tool_choice: 'auto', max_output_tokens: 'inf' };

export function mergeSession(session: JsonObject, update: JsonObject): JsonObject {
  const { audio, ...plain } = update;
  const merged: Record<string, unknown> = { ...session };
  for (const [key, value] of Object.entries(plain))
    merged[key] = value === null && Object.hasOwn(cleared, key) ? cleared[key] : value;
  if (!isObject(audio)) return merged;
  const before = objectAt(session, 'audio');
  merged['audio'] = {
    ...before,
    ...audio,
    ...(isObject(audio['input']) && { input: mergeInput(objectAt(before, 'input'), audio['input']) }),
    ...(isObject(audio['output']) && { output: { ...objectAt(before, 'output'), ...audio['output'] } }),
  };
  return merged;
}

function mergeInput(before: JsonObject | undefined, update: JsonObject): JsonObject {
  const detection = update['turn_detection'];
  if (!isObject(detection)) return { ...before, ...update };
  const type = textAt(detection, 'type') ?? '';
  const now = objectAt(before, 'turn_detection');
  const base =
    now?.['type'] === type ? now : Object.hasOwn(detectionDefaults, type) ? detectionDefaults[type] : {};
  return { ...before, ...update, turn_detection: { ...base, ...detection } };
}
