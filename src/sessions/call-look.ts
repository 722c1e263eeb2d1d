// How a call stands for whoever speaks in it. Pure.
import type { BridgeState } from '../bridge/state.ts';
import type { Conversation } from '../realtime/state.ts';
import { objectAt } from '../wire/json.ts';
import { effectiveFormat, type InputFormat, sessionRateHz } from '../wire/session-config.ts';
import type { CallLook } from './callers-place.ts';

/** `busy`: audio that was appended is still being converted. */
export function lookOf(
  conversation: Conversation,
  { behindSamples, busy }: { readonly behindSamples: number; readonly busy: boolean },
): CallLook {
  const { phase, session, abilities, input, response, waiting, unheard } = conversation;
  const { format: given, turn_detection: detection } = session.audio.input;
  const format = pieceFormat(given);
  const written = [...unheard.values()].every(({ state }) => state === 'failed');
  return {
    ...{ phase, format, behindSamples, hears: abilities.hears },
    detection: detection ? (detection.create_response ? 'answers' : 'turns') : 'off',
    turn: input.turn ? 'open' : 'none',
    heldSamples: input.endSample - input.startSample,
    work: response || waiting || !written || busy ? 'owed' : 'none',
  };
}

/** `full`: upstream does not take what it is sent. How far it has heard nobody knows. */
export function bridgeLook(
  { phase, session, input, detection, asked, answering }: BridgeState,
  { full }: { readonly full: boolean },
): CallLook {
  const phases = { waiting: 'lobby', connecting: 'lobby', ready: 'ready', ended: 'failed' } as const;
  const given = objectAt(session, 'audio', 'input') ?? {};
  const turns = given['turn_detection'] ? 'turns' : 'off';
  return {
    ...{ phase: phases[phase], hears: 'sound', behindSamples: full ? 'full' : 'unknown' },
    format: pieceFormat(effectiveFormat((given['format'] ?? null) as Parameters<typeof effectiveFormat>[0])),
    detection: detection === 'on' ? 'answers' : turns,
    turn: input.turn === 'speaking' ? 'open' : 'none',
    heldSamples: input.buffer === 'filled' ? sessionRateHz : 0,
    work: asked || answering ? 'owed' : 'none',
  };
}

const pieceFormat = (format: InputFormat): CallLook['format'] =>
  format.type === 'audio/webm' ? null : format;
