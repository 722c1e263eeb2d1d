// What the caller said, by item, for as long as an answer or a retrieval may need it. Bounded: the oldest go first.
import type { Coding } from '../audio/coding.ts';
import type { Item } from '../wire/items.ts';
import { encodedPieces, encoderFor, workOf } from './wire-audio.ts';

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

  /** Passes on the item with its audio, as `conversation.item.retrieved` shows it. Each step says how much it did. */
  *retrieve(item: Item, coding: Coding, onItem: (item: Item) => void): Generator<number> {
    const pcm = this.of(item.id);
    if (item.type !== 'message' || pcm.length === 0) return onItem(item);
    const encoder = encoderFor(coding);
    const coded: Uint8Array[] = [];
    for (const bytes of encodedPieces(pcm, encoder)) {
      coded.push(bytes);
      yield workOf(bytes.length, coding);
    }
    const audio = Buffer.concat([...coded, encoder.flush()]).toString('base64');
    const content = item.content.map((part) => (part.type === 'input_audio' ? { ...part, audio } : part));
    onItem({ ...item, content });
  }

  forget(itemId: string): void {
    this.#bytes -= this.#audio.get(itemId)?.byteLength ?? 0;
    this.#audio.delete(itemId);
  }
}
