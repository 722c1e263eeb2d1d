// Plays answers as they come, one piece after the other, and knows how much of each was heard. Owns what it has started;
// the context is its call's.

const rateHz = 24_000;
/** So much is kept ahead, so that a piece that is late is not heard as a gap. */
const leadSeconds = 0.06;

interface Piece {
  readonly item: string;
  readonly source: AudioBufferSourceNode;
  readonly startsAt: number;
  readonly seconds: number;
}

export class Player {
  readonly #context: AudioContext;
  readonly #meter: AnalyserNode;
  readonly #sample: Float32Array<ArrayBuffer>;
  readonly #pieces = new Set<Piece>();
  /** Of pieces that were played to their end, by item. */
  readonly #heard = new Map<string, number>();
  #endsAt = 0;

  constructor(context: AudioContext) {
    this.#context = context;
    this.#meter = context.createAnalyser();
    this.#meter.fftSize = 1024;
    this.#sample = new Float32Array(this.#meter.fftSize);
    this.#meter.connect(context.destination);
  }

  /** The item that is being played, or comes next; null: none. */
  get item(): string | null {
    return this.#pieces.values().next().value?.item ?? null;
  }

  /** @returns in how many ms it will be heard */
  play(item: string, pcm: Int16Array): number {
    if (pcm.length === 0) return 0;
    const context = this.#context;
    const buffer = context.createBuffer(1, pcm.length, rateHz);
    buffer.copyToChannel(
      Float32Array.from(pcm, (sample) => sample / 32_768),
      0,
    );
    const source = context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.#meter);
    const startsAt = Math.max(this.#endsAt, context.currentTime + leadSeconds);
    const piece: Piece = { item, source, startsAt, seconds: buffer.duration };
    this.#endsAt = startsAt + buffer.duration;
    this.#pieces.add(piece);
    source.onended = () => {
      if (this.#pieces.delete(piece)) this.#heard.set(item, (this.#heard.get(item) ?? 0) + piece.seconds);
      source.disconnect();
    };
    source.start(startsAt);
    return (startsAt - context.currentTime + (context.outputLatency || 0)) * 1000;
  }

  /** Silence, at once. @returns the item that was cut and how much of it was heard; null: nothing was played */
  stop(): { readonly item: string; readonly heardMs: number } | null {
    const { item } = this;
    if (item === null) return null;
    const now = this.#context.currentTime;
    let seconds = this.#heard.get(item) ?? 0;
    for (const piece of [...this.#pieces]) {
      if (piece.item === item) seconds += Math.max(0, Math.min(piece.seconds, now - piece.startsAt));
      this.#pieces.delete(piece);
      piece.source.stop();
    }
    this.#endsAt = 0;
    return { item, heardMs: Math.floor(seconds * 1000) };
  }

  /** 0 to 1. */
  level(loudnessOf: (samples: Float32Array) => number): number {
    if (this.#pieces.size === 0) return 0;
    this.#meter.getFloatTimeDomainData(this.#sample);
    return loudnessOf(this.#sample);
  }
}
