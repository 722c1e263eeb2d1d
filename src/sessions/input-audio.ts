// The caller's audio that no item has taken yet, by position. Bounded; what is over the bound goes oldest first.

/** Audio that waits in all lobbies together. */
export class AudioBudget {
  readonly bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
  }
}

/** `length` samples of `pcm` are in use. */
interface Block {
  readonly pcm: Int16Array;
  length: number;
  readonly startSample: number;
}

/** 200 ms at the session's rate. */
const blockSamples = 4800;

export class InputAudio {
  readonly #budget: AudioBudget;
  /** Consecutive; the first may have been cut at its front. */
  readonly #chunks: Block[] = [];
  #endSample = 0;

  constructor(budget: AudioBudget) {
    this.#budget = budget;
  }

  get startSample(): number {
    return this.#chunks[0]?.startSample ?? this.#endSample;
  }

  get endSample(): number {
    return this.#endSample;
  }

  get bytes(): number {
    return (this.#endSample - this.startSample) * 2;
  }

  /** Samples to drop from the front so that `bytesMax` holds, and (with `shared`) the common budget too. */
  excess(bytesMax: number, shared: boolean): number {
    // Over the common budget, whoever speaks gives up as much as is over.
    const common = shared ? Math.min(this.bytes, this.#budget.bytes - this.#budget.bytesMax) : 0;
    return Math.ceil(Math.max(0, this.bytes - bytesMax, common) / 2);
  }

  append(pcm: Int16Array): void {
    if (pcm.length === 0) return;
    this.#budget.add(pcm.byteLength);
    // Tiny appends are put together, so that what is held stays few pieces however it came.
    const last = this.#chunks.at(-1);
    if (last && pcm.length <= last.pcm.length - last.length) {
      last.pcm.set(pcm, last.length);
      last.length += pcm.length;
    } else {
      const block = pcm.length < blockSamples ? new Int16Array(blockSamples) : pcm;
      if (block !== pcm) block.set(pcm);
      this.#chunks.push({ pcm: block, length: pcm.length, startSample: this.#endSample });
    }
    this.#endSample += pcm.length;
  }

  /** A copy of what is held between two positions. */
  slice(fromSample: number, toSample: number): Int16Array {
    const from = Math.max(fromSample, this.startSample);
    const to = Math.min(toSample, this.#endSample);
    const pcm = new Int16Array(Math.max(0, to - from));
    for (const chunk of this.#chunks) {
      const begin = Math.max(from, chunk.startSample);
      const end = Math.min(to, chunk.startSample + chunk.length);
      if (begin < end)
        pcm.set(chunk.pcm.subarray(begin - chunk.startSample, end - chunk.startSample), begin - from);
    }
    return pcm;
  }

  dropBefore(sample: number): void {
    for (;;) {
      const [first] = this.#chunks;
      if (!first || first.startSample >= sample) return;
      const cut = Math.min(first.length, sample - first.startSample);
      this.#budget.add(-cut * 2);
      this.#chunks.shift();
      // A copy, so that the cut-off part is really freed.
      const pcm = first.pcm.slice(cut, first.length);
      if (pcm.length > 0)
        this.#chunks.unshift({ pcm, length: pcm.length, startSample: first.startSample + cut });
    }
  }
}
