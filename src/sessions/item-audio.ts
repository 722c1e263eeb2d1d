// What the caller said, by item, for as long as an answer or a retrieval may need it. Bounded: the oldest go first.

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

  forget(itemId: string): void {
    this.#bytes -= this.#audio.get(itemId)?.byteLength ?? 0;
    this.#audio.delete(itemId);
  }
}
