// What of an update is not in effect, where that is a mistake that its caller can mend: told as an error, beside the rest of
// the update, which holds. Pure.
import type { SessionUpdate } from '../wire/client-schema.ts';
import { toolTaken } from '../wire/own-tools.ts';
import type { Draft } from './state.ts';

/** SDKs send one of OpenAI's without being asked to: that is nobody's mistake. */
const sdkVoices = new Set(
  'alloy ash ballad cedar coral echo fable marin nova onyx sage shimmer verse'.split(' '),
);
const shownMax = 5;
const nameCharsMax = 100;

export function tellNotTaken(
  draft: Draft,
  { tools, audio }: SessionUpdate,
  eventId: string | undefined,
): void {
  const { voices = [], ownTools = [] } = draft.state.abilities;
  const voice = audio?.output?.voice;
  if (typeof voice === 'string' && voice !== draft.state.session.audio.output.voice && !sdkVoices.has(voice))
    tellVoice(draft, voice, voices, eventId);
  for (const { name } of tools ?? []) {
    if (typeof name !== 'string' || !ownTools.includes(name)) continue;
    draft.error('tool_name_taken', toolTaken(name), { param: 'session.tools', eventId });
  }
}

function tellVoice(
  draft: Draft,
  asked: string,
  voices: readonly string[] | 'any',
  eventId: string | undefined,
): void {
  if (voices === 'any' || voices.length === 0) return;
  const more = voices.length > shownMax ? ', …' : '';
  const named = voices.slice(0, shownMax).join(', ');
  const { voice } = draft.state.session.audio.output;
  const message = `There is no voice '${asked.slice(0, nameCharsMax)}' here; there are: ${named}${more}. It stays '${voice}'; everything else of the update is in effect.`;
  draft.error('invalid_value', message, { param: 'session.audio.output.voice', eventId });
}
