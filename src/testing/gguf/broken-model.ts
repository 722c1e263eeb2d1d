// Files that are no model, in the ways that happen: each makes a real llama.cpp fail in a way of its own.
import { chainTensors } from './chain.ts';
import { llamaFile } from './llama-file.ts';
import { tinyModel } from './tiny-model.ts';
import { vocabularyOf } from './vocabulary.ts';

/**
 * `truncated`: a download that was cut; its head is whole, its weights are not. `web-page`: what a server sent in place
 * of the file. `aborting`: llama.cpp ends its whole process with SIGABRT when it loads it.
 */
export type Breakage = 'truncated' | 'web-page' | 'aborting';

const webPage = `<!DOCTYPE html>
<html><head><title>Sign in</title></head><body><p>You need to sign in to download this file.</p></body></html>
`;

export function brokenModel(breakage: Breakage): Uint8Array<ArrayBuffer> {
  switch (breakage) {
    case 'truncated': {
      const whole = tinyModel({ behaviour: { kind: 'says', text: 'This is never heard.' } });
      return whole.slice(0, whole.length - 10_000);
    }
    case 'web-page':
      return new TextEncoder().encode(webPage);
    case 'aborting':
      return aborting();
  }
}

/** Two tokens with the same text. */
function aborting(): Uint8Array<ArrayBuffer> {
  const vocabulary = vocabularyOf(['twice', 'twice'], 0);
  const tensors = chainTensors(vocabulary, 2, 'end');
  return llamaFile({ name: 'aborting', contextTokens: 4096, vocabulary, tensors });
}
