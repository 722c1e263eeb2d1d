// Runs where the browser hands out its microphone: passes on what comes, in pieces of some 20 ms.

declare const sampleRate: number;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void;

class Microphone extends AudioWorkletProcessor {
  #piece = new Float32Array(Math.round(sampleRate / 50));
  #filled = 0;

  process([input]: readonly (readonly Float32Array[])[]): boolean {
    const samples = input?.[0];
    if (!samples) return true;
    for (const sample of samples) {
      this.#piece[this.#filled] = sample;
      this.#filled += 1;
      if (this.#filled < this.#piece.length) continue;
      this.port.postMessage(this.#piece, [this.#piece.buffer]);
      this.#piece = new Float32Array(Math.round(sampleRate / 50));
      this.#filled = 0;
    }
    return true;
  }
}

registerProcessor('microphone', Microphone);
