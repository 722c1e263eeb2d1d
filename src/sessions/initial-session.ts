// What a session of a pipeline begins with: what the pipeline says, and over it what the caller brought along.
import type { PipelineBasics } from '../pipelines/pipeline.ts';
import { mergeSession } from '../realtime/session-update.ts';
import type { SessionUpdate } from '../wire/client-schema.ts';
import { initialSession, type SessionConfig } from '../wire/session-config.ts';

/** `expiresAt` is in seconds since the epoch. */
export function sessionOf(
  pipeline: PipelineBasics,
  {
    preset,
    ...given
  }: { readonly id: string; readonly expiresAt: number; readonly preset: SessionUpdate | null },
): SessionConfig {
  const { name: model, voice, instructions, abilities, transcription } = pipeline;
  const initial = initialSession({ ...given, model, voice, instructions, abilities, transcription });
  return preset ? mergeSession(initial, preset, abilities) : initial;
}
