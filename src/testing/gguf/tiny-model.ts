// Models of some 50 KB that a real llama.cpp loads and runs, for tests that cannot download one. They say what they are
// made to say, whatever they are asked. The same options give the same bytes.
import { chainTensors } from './chain.ts';
import { llamaFile } from './llama-file.ts';
import { piecesOf } from './pieces.ts';
import { basicTokens, spaced, vocabularyOf } from './vocabulary.ts';

export interface TinyModelOptions {
  /**
   * `says`: exactly this text, then it ends. A text of one or two characters must not be how a prompt ends.
   * `repeats`: this text over and over, until it is stopped. `silent`: it ends at once, with no token at all.
   */
  readonly behaviour:
    | { readonly kind: 'says' | 'repeats'; readonly text: string }
    | { readonly kind: 'silent' };
  /** Tokens it was trained for, as it says of itself. Default: 4096. */
  readonly contextTokens?: number;
  /**
   * Tokens that mean nothing. Each 250,000 make the file 38 MB larger and its load about a second longer (one core of
   * 2024); size alone does not, since files are mapped. Default: 0.
   */
  readonly fillerTokens?: number;
}

/** The bytes of a `.gguf` file. */
export function tinyModel(options: TinyModelOptions): Uint8Array<ArrayBuffer> {
  const { behaviour, contextTokens = 4096, fillerTokens = 0 } = options;
  const pieces = behaviour.kind === 'silent' ? [] : piecesOf(sayable(behaviour.text), basicTokens);
  if (behaviour.kind === 'repeats' && pieces.length === 0) throw new Error('there is nothing to repeat');
  const vocabulary = vocabularyOf(pieces, fillerTokens);
  return llamaFile({
    name: `tiny ${behaviour.kind}`,
    contextTokens,
    vocabulary,
    tensors: chainTensors(vocabulary, pieces.length, behaviour.kind === 'repeats' ? 'first' : 'end'),
  });
}

/** What a vocabulary can hold: whole characters, and not the one that stands for a space there. */
function sayable(text: string): string {
  if (!text.isWellFormed()) throw new Error('the text has half a character (a lone surrogate)');
  if (text.includes(spaced(' '))) throw new Error(`${spaced(' ')} stands for a space in a vocabulary`);
  return spaced(text);
}
