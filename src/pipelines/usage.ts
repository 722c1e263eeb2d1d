// The tokens of an answer, from the names of chat completions to those of the Realtime wire.
import type { Usage } from '../wire/server-events.ts';

/** Null where the engine does not count. */
export function usageOf(usage: Readonly<Record<string, number>> | undefined): Usage | null {
  const { prompt_tokens: input, completion_tokens: output, total_tokens: total } = usage ?? {};
  if (input === undefined && output === undefined) return null;
  const [inputTokens, outputTokens] = [input ?? 0, output ?? 0];
  return {
    total_tokens: total ?? inputTokens + outputTokens,
    input_tokens: inputTokens,
    output_tokens: outputTokens,
    input_token_details: { text_tokens: inputTokens, audio_tokens: 0, cached_tokens: 0 },
    output_token_details: { text_tokens: outputTokens, audio_tokens: 0 },
  };
}
