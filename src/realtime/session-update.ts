// `session.update`: a partial change, answered with the full configuration that is in effect. `null` clears. What this
// gateway cannot do (another model or voice, a transcription that nothing makes) is shown as it stays, not refused:
// every SDK sends those, and a refusal ends some of them.
import type { ClientEvent, SessionUpdate } from '../wire/client-events.ts';
import {
  type SemanticVad,
  type ServerVad,
  type SessionConfig,
  serverVadDefault,
  type TurnDetection,
} from '../wire/session-config.ts';
import type { Draft } from './state.ts';

export function updateSession(draft: Draft, event: Extract<ClientEvent, { type: 'session.update' }>): void {
  const before = draft.state.session;
  const session = merge(before, event.session);
  draft.set({ session });
  const detection = session.audio.input.turn_detection;
  if (detection !== before.audio.input.turn_detection) {
    if (detection === null) draft.set({ input: { ...draft.state.input, turn: null } });
    draft.do({ type: 'detect_turns', detection });
  }
  draft.send({ type: 'session.updated', session });
}

function merge(session: SessionConfig, update: SessionUpdate): SessionConfig {
  const { audio } = session;
  const input = update.audio?.input ?? {};
  const kept = <T>(given: T | null | undefined, cleared: T, current: T): T =>
    given === undefined ? current : (given ?? cleared);
  return {
    ...session,
    output_modalities: update.output_modalities ?? session.output_modalities,
    instructions: kept(update.instructions, '', session.instructions),
    tools: kept(update.tools, [], session.tools),
    tool_choice: kept(update.tool_choice, 'auto', session.tool_choice),
    max_output_tokens: kept<number | 'inf'>(update.max_output_tokens, 'inf', session.max_output_tokens),
    truncation: kept(update.truncation, 'auto', session.truncation),
    tracing: kept(update.tracing, null, session.tracing),
    prompt: kept(update.prompt, null, session.prompt),
    include: kept<readonly string[] | null>(update.include, null, session.include),
    audio: {
      input: {
        ...audio.input,
        noise_reduction: kept(input.noise_reduction, null, audio.input.noise_reduction),
        turn_detection:
          input.turn_detection === undefined
            ? audio.input.turn_detection
            : mergeDetection(audio.input.turn_detection, input.turn_detection),
      },
      output: audio.output,
    },
  };
}

type DetectionUpdate = NonNullable<
  NonNullable<NonNullable<SessionUpdate['audio']>['input']>['turn_detection']
>;

/** Within one type an update is partial; another type starts from its defaults. */
function mergeDetection(current: TurnDetection | null, update: DetectionUpdate | null): TurnDetection | null {
  if (update === null) return null;
  if (update.type === 'server_vad') {
    const base = current?.type === 'server_vad' ? current : serverVadDefault;
    return { ...base, ...(defined(update) as Partial<ServerVad>), type: 'server_vad' };
  }
  const base: SemanticVad =
    current?.type === 'semantic_vad'
      ? current
      : { type: 'semantic_vad', eagerness: 'auto', create_response: true, interrupt_response: true };
  return { ...base, ...(defined(update) as Partial<SemanticVad>), type: 'semantic_vad' };
}

function defined(update: object): object {
  return Object.fromEntries(Object.entries(update).filter(([, value]) => value !== undefined));
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
