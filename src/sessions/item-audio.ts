// What the caller said, by item, for as long as an answer or a retrieval may need it. Bounded: the oldest go first.
import { pcmToBase64 } from '../audio/pcm.ts';
import type { Item } from '../wire/items.ts';

const bytesMax = 32 * 1024 * 1024;

export class ItemAudio {
  readonly #audio = new Map<string, Int16Array>();
  #bytes = 0;

  keep(itemId: string, pcm: Int16Array): void {
    this.forget(itemId);
    this.#audio.set(itemId, pcm);
    this.#bytes += pcm.byteLength;
    for (const oldest of this.#audio.keys()) {
      if (this.#bytes <= bytesMax || oldest === itemId) return;
      this.forget(oldest);
    }
  }

  of(itemId: string): Int16Array {
    return this.#audio.get(itemId) ?? new Int16Array(0);
  }

  /** The item with its audio, as `conversation.item.retrieved` shows it. */
  fill(item: Item): Item {
    const pcm = this.of(item.id);
    if (item.type !== 'message' || pcm.length === 0) return item;
    const content = item.content.map((part) =>
      part.type === 'input_audio' ? { ...part, audio: pcmToBase64(pcm) } : part,
    );
    return { ...item, content };
  }

  forget(itemId: string): void {
    this.#bytes -= this.#audio.get(itemId)?.byteLength ?? 0;
    this.#audio.delete(itemId);
  }
}
