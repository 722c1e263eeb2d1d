// The weights that make a model say one thing: each token's embedding holds a code of the token that is to follow it,
// and the output layer compares that with the code of every token. The layer in between adds nothing, so what came
// before the last token does not matter. Right differs from wrong so much that no temperature mixes them up.
import type { Tensor } from './gguf-file.ts';
import type { Vocabulary } from './vocabulary.ts';

/** Dimension 0 is the same for all tokens, the next ones hold the code, one bit each; the rest is zero. */
export const width = 32;
const codeBits = 16;
const piecesMax = 2 ** codeBits - 1;

/** Of one code bit. Wrong tokens are at least 2 x 32 x 1.37 behind: e^-43 at temperature 2. */
const weight = 32;
/** Of what must never be said, which is everything that is neither a piece nor the end. */
const never = -2048;

/** What follows the last piece. */
export type Ending = 'end' | 'first';

/** No pieces: it ends at once. */
export function chainTensors(vocabulary: Vocabulary, pieces: number, ending: Ending): Tensor[] {
  if (pieces > piecesMax) throw new Error(`a model can say ${piecesMax} pieces at most, not ${pieces}`);
  return [
    {
      name: 'token_embd.weight',
      shape: [width, vocabulary.tokens.length],
      data: embedding(vocabulary, pieces, ending),
    },
    ...idleLayer(),
    { name: 'output_norm.weight', shape: [width], data: ones() },
    { name: 'output.weight', shape: [width, vocabulary.tokens.length], data: output(vocabulary, pieces) },
  ];
}

/** The place `pieces` is the end. Whatever is no piece is somebody's prompt: the first follows it. */
function embedding(vocabulary: Vocabulary, pieces: number, ending: Ending): Float16Array {
  const data = new Float16Array(width * vocabulary.tokens.length);
  for (let token = 0; token < vocabulary.tokens.length; token += 1) {
    const place = token - vocabulary.firstPiece;
    const isPiece = place >= 0 && place < pieces;
    let next = isPiece ? place + 1 : 0;
    if (ending === 'first' && next === pieces) next = 0;
    data[token * width] = 1;
    writeCode(data, token * width, next, 1);
  }
  return data;
}

function output(vocabulary: Vocabulary, pieces: number): Float16Array {
  const data = new Float16Array(width * vocabulary.tokens.length);
  for (let token = 0; token < vocabulary.tokens.length; token += 1) data[token * width] = never;
  const sayable = (token: number, place: number) => {
    data[token * width] = 0;
    writeCode(data, token * width, place, weight);
  };
  for (let place = 0; place < pieces; place += 1) sayable(vocabulary.firstPiece + place, place);
  sayable(vocabulary.end, pieces);
  return data;
}

function writeCode(data: Float16Array, at: number, place: number, size: number): void {
  for (let bit = 0; bit < codeBits; bit += 1) data[at + 1 + bit] = (place >> bit) & 1 ? size : -size;
}

/** A layer there must be. Zeros on its way out: it adds nothing to what passes it. */
function idleLayer(): Tensor[] {
  const square = ['attn_q', 'attn_k', 'attn_v', 'attn_output', 'ffn_gate', 'ffn_up', 'ffn_down'];
  return [
    ...['attn_norm', 'ffn_norm'].map((name) => ({
      name: `blk.0.${name}.weight`,
      shape: [width],
      data: ones(),
    })),
    ...square.map((name) => ({
      name: `blk.0.${name}.weight`,
      shape: [width, width],
      data: new Float16Array(width * width),
    })),
  ];
}

const ones = () => new Float32Array(width).fill(1);
