// `session.update`: a partial change, answered with the full configuration that is in effect. `null` clears. What this
// gateway or pipeline cannot do (another model, a voice it does not have, other ears, tracing, speech without a voice) is
// shown as it stays, not refused: every SDK sends those, and a refusal ends some of them. What can only be a mistake is told. Voice, speed and instructions
// hold from the next answer on: one that is under way keeps what it began with.
import type { ClientEventOf, SessionUpdate } from '../wire/client-schema.ts';
import {
  type Abilities,
  effectiveFormat,
  isSameFormat,
  type SemanticVad,
  type ServerVad,
  type SessionConfig,
  serverVadDefault,
  type Transcription,
  type TurnDetection,
} from '../wire/session-config.ts';
import { legacySession, sessionUpdateOf, shownSession } from '../wire/transcription-session.ts';
import { forgetTurn } from './input.ts';
import { tellNotTaken } from './not-taken.ts';
import type { Conversation, Draft } from './state.ts';

export function updateSession(
  draft: Draft,
  { session, event_id: eventId }: ClientEventOf<'session.update'>,
): void {
  if (!update(draft, session, eventId)) return;
  draft.send({ type: 'session.updated', session: shownSession(draft.state.session) });
  tellNotTaken(draft, session, eventId);
}

/** In the words of the beta, and answered in them. */
export function updateTranscriptionSession(
  draft: Draft,
  { session, event_id: eventId }: ClientEventOf<'transcription_session.update'>,
): void {
  if (!update(draft, sessionUpdateOf(session), eventId)) return;
  draft.send({ type: 'transcription_session.updated', session: legacySession(draft.state.session) });
}

/** Whether it is in effect; if not, the client was told. */
function update(draft: Draft, given: SessionUpdate, eventId: string | undefined): boolean {
  const before = draft.state.session;
  const refused = given.type && given.type !== before.type ? refusedType(draft.state, given.type) : null;
  if (refused !== null) {
    draft.error('invalid_parameter', refused, { param: 'session.type', eventId });
    return false;
  }
  const session = mergeSession(before, given, draft.state.abilities);
  const record = given.greenroom?.record;
  if (typeof record === 'boolean') draft.do({ type: 'record', on: record });
  draft.set({ session });
  const { format } = session.audio.input;
  if (!isSameFormat(format, before.audio.input.format)) draft.do({ type: 'use_input_format', format });
  const detection = session.audio.input.turn_detection;
  if (detection !== before.audio.input.turn_detection) {
    if (detection === null) {
      forgetTurn(draft);
      draft.set({ input: { ...draft.state.input, turn: null } });
    }
    draft.do({ type: 'detect_turns', detection });
  }
  return true;
}

/** A session becomes what it is before anything is in it. */
function refusedType(
  { abilities, items, response, waiting, session }: Conversation,
  type: SessionConfig['type'],
): string | null {
  if (type === 'transcription' && abilities.hears !== 'words') return nothingWrittenDown(session.model);
  if (items.length === 0 && !response && !waiting) return null;
  return type === 'transcription'
    ? 'Passing a transcription session update event to a realtime session is not allowed. (Before the first item it is; or connect with ?intent=transcription.)'
    : 'Passing a realtime session update event to a transcription session is not allowed. (Before the first item it is; or connect without ?intent=transcription.)';
}

export function nothingWrittenDown(pipeline: string): string {
  return `pipeline ${pipeline} writes nothing down (no \`hear\`), so there are no transcription sessions: choose another pipeline`;
}

/** The session with the update in it. */
export function mergeSession(
  session: SessionConfig,
  update: SessionUpdate,
  { hears, answers, voices = [], pace = 'own' }: Abilities,
): SessionConfig {
  const { input, output } = session.audio;
  const { input: newInput, output: newOutput } = update.audio ?? {};
  const { resumption, ...rest } = session;
  return {
    ...rest,
    ...mergeResumption(resumption, update.resumption),
    type: update.type ?? session.type,
    output_modalities:
      answers === 'text' ? ['text'] : changed(update.output_modalities, ['audio'], session.output_modalities),
    instructions: changed(update.instructions, '', session.instructions),
    tools: changed(update.tools, [], session.tools),
    tool_choice: changed(update.tool_choice, 'auto', session.tool_choice),
    parallel_tool_calls: changed(update.parallel_tool_calls, true, session.parallel_tool_calls),
    max_output_tokens: changed(update.max_output_tokens, 'inf', session.max_output_tokens),
    truncation: changed(update.truncation, 'auto', session.truncation),
    audio: {
      input: {
        ...input,
        format: newInput?.format === undefined ? input.format : effectiveFormat(newInput.format),
        transcription: mergeTranscription(input.transcription, newInput?.transcription),
        turn_detection:
          hears === 'nothing' ? null : mergeDetection(input.turn_detection, newInput?.turn_detection),
      },
      output: {
        format: newOutput?.format === undefined ? output.format : effectiveFormat(newOutput.format),
        voice: voiceOf(newOutput?.voice, voices) ?? output.voice,
        speed: pace === 'any' ? changed(newOutput?.speed, 1, output.speed) : output.speed,
      },
    },
  };
}

/** The one that is asked for, where there is such a one. */
export function voiceOf(asked: unknown, voices: readonly string[] | 'any'): string | undefined {
  if (voices === 'any') return typeof asked === 'string' && asked !== '' ? asked : undefined;
  return voices.find((voice) => voice === asked);
}

function changed<T>(given: T | null | undefined, cleared: T, current: T): T {
  return given === undefined ? current : (given ?? cleared);
}

function mergeResumption(
  current: SessionConfig['resumption'],
  update: SessionUpdate['resumption'],
): Pick<SessionConfig, 'resumption'> {
  const enabled = update === undefined ? current?.enabled : (update?.enabled ?? false);
  return enabled ? { resumption: { enabled: true } } : {};
}

/** Who hears is the pipeline's own; the language is the caller's. */
function mergeTranscription(
  current: Transcription | null,
  update: Readonly<Record<string, unknown>> | null | undefined,
): Transcription | null {
  if (!current || !update || !Object.hasOwn(update, 'language')) return current;
  const { language } = update;
  const { model } = current;
  return typeof language === 'string' && /^[a-z]{2,3}$/i.test(language) ? { model, language } : { model };
}

type DetectionUpdate = NonNullable<NonNullable<SessionUpdate['audio']>['input']>['turn_detection'];

const semanticVadDefault: SemanticVad = {
  type: 'semantic_vad',
  eagerness: 'auto',
  create_response: true,
  interrupt_response: true,
};

/** Within one type an update is partial; another type starts from its defaults. */
function mergeDetection(current: TurnDetection | null, update: DetectionUpdate): TurnDetection | null {
  if (update === undefined) return current;
  if (update === null) return null;
  if (update.type === 'server_vad') {
    const base = current?.type === 'server_vad' ? current : serverVadDefault;
    return { ...base, ...(update as Partial<ServerVad>) };
  }
  const base = current?.type === 'semantic_vad' ? current : semanticVadDefault;
  return { ...base, ...(update as Partial<SemanticVad>) };
}

const eagernessSilenceMs = { low: 1200, medium: 700, auto: 700, high: 400 } as const;

/** How a turn detection is carried out. */
export function detectorOptions(detection: TurnDetection): {
  readonly threshold: number;
  readonly prefixPaddingMs: number;
  readonly silenceDurationMs: number;
} {
  if (detection.type === 'server_vad') {
    return {
      threshold: detection.threshold,
      prefixPaddingMs: detection.prefix_padding_ms,
      silenceDurationMs: detection.silence_duration_ms,
    };
  }
  const { threshold, prefix_padding_ms: prefixPaddingMs } = serverVadDefault;
  return { threshold, prefixPaddingMs, silenceDurationMs: eagernessSilenceMs[detection.eagerness] };
}
