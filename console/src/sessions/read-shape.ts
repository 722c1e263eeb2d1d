// Reads a recording's file for its shape: WAV piece by piece as it comes, WebM as a whole, which the browser decodes.
import type { Container } from '../../../src/recordings/names.ts';
import type { Peaks } from './peaks.ts';

export type Shape = Pick<Peaks, 'values' | 'push' | 'fill'>;

interface ReadShapeOptions {
  readonly url: string;
  readonly container: Container;
  readonly signal: AbortSignal;
  /** More of it can be drawn. */
  readonly told: () => void;
}

export async function readShape(shape: Shape, options: ReadShapeOptions): Promise<void> {
  const { url, container, signal, told } = options;
  try {
    const response = await fetch(url, { signal, credentials: 'same-origin' });
    if (!response.ok || !response.body) return;
    if (container === 'webm') {
      shape.fill(await decoded(await response.arrayBuffer()));
      told();
      return;
    }
    const reader = response.body.getReader();
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      shape.push(piece.value);
      told();
    }
  } catch {
    // It was left, the gateway has, or the browser cannot decode it: what came is shown.
  }
}

/** Mono, at a rate that is enough for a drawing: twenty minutes are 10 MB. */
async function decoded(file: ArrayBuffer): Promise<Float32Array> {
  const context = new OfflineAudioContext({ numberOfChannels: 1, length: 1, sampleRate: 8000 });
  return (await context.decodeAudioData(file)).getChannelData(0);
}
