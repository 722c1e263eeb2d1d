// The tokens of a tiny model: those every model needs, one for every byte, the pieces of what it says, and as many that
// mean nothing as it is to take to load.
import type { MetadataValue } from './gguf-file.ts';

export interface Vocabulary {
  readonly tokens: readonly string[];
  /** Index of the first piece; they follow each other. */
  readonly firstPiece: number;
  readonly end: number;
  readonly metadata: Readonly<Record<string, MetadataValue>>;
}

/** As llama.cpp counts them. */
const kinds = { normal: 1, unknown: 2, control: 3, byte: 6 } as const;
type Kind = (typeof kinds)[keyof typeof kinds];

const space = '▁';
const begin = 1;
const end = 2;

const bytes = Array.from(
  { length: 256 },
  (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
);

const basics: readonly (readonly [text: string, kind: Kind])[] = [
  ['<unk>', kinds.unknown],
  ['<s>', kinds.control],
  ['<|im_end|>', kinds.control],
  ['<|im_start|>', kinds.control],
  ...bytes.map((text) => [text, kinds.byte] as const),
  [space, kinds.normal],
];

export const basicTokens: ReadonlySet<string> = new Set(basics.map(([text]) => text));

/** A vocabulary writes spaces so. */
export const spaced = (text: string): string => text.replaceAll(' ', space);

/** ChatML, as most write it. */
export const chatTemplate =
  "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}" +
  "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

/** @param pieces none alike, none a basic token */
export function vocabularyOf(pieces: readonly string[], fillerTokens: number): Vocabulary {
  const filler = fillers(fillerTokens, new Set(pieces));
  const tokens = [...basics.map(([text]) => text), ...pieces, ...filler];
  const rest = tokens.length - basics.length;
  const types = [...basics.map(([, kind]) => kind), ...Array.from({ length: rest }, () => kinds.normal)];
  const id = (value: number): MetadataValue => ({ type: 'u32', value });
  return {
    tokens,
    firstPiece: basics.length,
    end,
    metadata: {
      'tokenizer.ggml.model': { type: 'string', value: 'llama' },
      'tokenizer.ggml.tokens': { type: 'string[]', value: tokens },
      'tokenizer.ggml.token_type': { type: 'i32[]', value: types },
      'tokenizer.ggml.scores': { type: 'f32[]', value: tokens.map(() => 0) },
      'tokenizer.ggml.unknown_token_id': id(0),
      'tokenizer.ggml.bos_token_id': id(begin),
      'tokenizer.ggml.eos_token_id': id(end),
      'tokenizer.ggml.add_space_prefix': { type: 'bool', value: false },
      'tokenizer.chat_template': { type: 'string', value: chatTemplate },
    },
  };
}

/** From the private use area: nobody's text. */
function fillers(count: number, taken: ReadonlySet<string>): string[] {
  const names: string[] = [];
  for (let at = 0; names.length < count; at += 1) {
    const name = `\uE000${at}\uE001`;
    if (!taken.has(name)) names.push(name);
  }
  return names;
}
