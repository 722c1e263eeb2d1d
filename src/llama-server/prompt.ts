// Takes a prompt in bit by bit. llama.cpp looks for a cancel only when all of a prompt is in, which may take minutes; so
// it gets as much at a time as it takes in about 100 ms, and we look in between.
import type { LlamaContextSequence, Token } from 'node-llama-cpp';

const sliceMs = 100;
const firstTokens = 128;
/** Fewer at a time cost much more each (measured: 64 are as quick as all at once, 32 fifteen times slower). */
const leastTokens = 64;
/** What a context takes as one batch. */
const mostTokens = 512;

/**
 * All but the last token, which the generation begins with; what the sequence knows already from before is not taken in
 * again. Throws the signal's reason.
 */
export async function takeInPrompt(
  sequence: LlamaContextSequence,
  tokens: readonly Token[],
  signal: AbortSignal,
): Promise<void> {
  const wanted = tokens.slice(0, -1);
  await sequence.adaptStateToTokens(wanted, false);
  let count = firstTokens;
  for (let at = sequence.nextTokenIndex; at < wanted.length; ) {
    signal.throwIfAborted();
    const slice = wanted.slice(at, at + count);
    const startedMs = performance.now();
    await sequence.evaluateWithoutGeneratingNewTokens(slice);
    at += slice.length;
    count = nextCount(slice.length, performance.now() - startedMs);
  }
  signal.throwIfAborted();
}

/** Of tokens, so that they take about as long as they should, after `taken` took `ms`. */
export function nextCount(taken: number, ms: number): number {
  const fitting = Math.round((taken * sliceMs) / Math.max(ms, 1));
  return Math.min(mostTokens, Math.max(leastTokens, fitting));
}
