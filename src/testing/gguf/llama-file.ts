// A whole model file of llama's architecture around a vocabulary and its weights.
import { width } from './chain.ts';
import { ggufFile, type MetadataValue, type Tensor } from './gguf-file.ts';
import type { Vocabulary } from './vocabulary.ts';

export interface LlamaParts {
  readonly name: string;
  readonly contextTokens: number;
  readonly vocabulary: Vocabulary;
  readonly tensors: readonly Tensor[];
}

export function llamaFile({ name, contextTokens, vocabulary, tensors }: LlamaParts): Uint8Array<ArrayBuffer> {
  const u32 = (value: number): MetadataValue => ({ type: 'u32', value });
  return ggufFile({
    metadata: {
      'general.architecture': { type: 'string', value: 'llama' },
      'general.name': { type: 'string', value: name },
      'llama.context_length': u32(contextTokens),
      'llama.embedding_length': u32(width),
      'llama.block_count': u32(1),
      'llama.feed_forward_length': u32(width),
      'llama.attention.head_count': u32(1),
      'llama.attention.layer_norm_rms_epsilon': { type: 'f32', value: 1e-5 },
      ...vocabulary.metadata,
    },
    tensors,
  });
}
