// The browser's microphone as PCM16 at 24 kHz. Whoever opens it closes it; then the browser shows that nobody listens.
import { Resampler } from '../../../src/audio/resample.ts';
import workletUrl from './microphone-worklet.ts?worker&url';

const rateHz = 24_000;

export interface Microphone {
  /** 0 to 1, of the last piece. */
  readonly level: () => number;
  readonly close: () => void;
}

/** Rejects with what to do, in words. */
export async function openMicrophone(
  context: AudioContext,
  onPcm: (pcm: Int16Array) => void,
): Promise<Microphone> {
  const stream = await askForIt();
  let node: AudioWorkletNode;
  let source: MediaStreamAudioSourceNode;
  try {
    await context.audioWorklet.addModule(workletUrl);
    source = context.createMediaStreamSource(stream);
    node = new AudioWorkletNode(context, 'microphone', { numberOfOutputs: 0, channelCount: 1 });
  } catch (thrown) {
    stop(stream);
    throw thrown;
  }
  const resampler = new Resampler({ fromHz: context.sampleRate, toHz: rateHz });
  let level = 0;
  node.port.onmessage = ({ data }: MessageEvent<Float32Array>) => {
    level = loudness(data);
    const pcm = resampler.push(toPcm(data));
    if (pcm.length > 0) onPcm(pcm);
  };
  source.connect(node);
  return {
    level: () => level,
    close() {
      level = 0;
      node.port.onmessage = null;
      source.disconnect();
      node.disconnect();
      stop(stream);
    },
  };
}

async function askForIt(): Promise<MediaStream> {
  // Typed as always there, which it is not over plain HTTP from another machine.
  const devices = navigator.mediaDevices as MediaDevices | undefined;
  if (!devices)
    throw new Error(
      'Browsers give the microphone to pages of this machine or over https alone: give the door a certificate (tls), or type.',
    );
  try {
    return await devices.getUserMedia({
      audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 },
    });
  } catch (thrown) {
    const { name, message } = thrown as DOMException;
    if (name === 'NotAllowedError')
      throw new Error('The microphone was refused to this page: allow it beside the address, or type.');
    if (name === 'NotFoundError') throw new Error('There is no microphone here: plug one in, or type.');
    throw new Error(`The microphone cannot be used: ${message}`);
  }
}

function stop(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}

/** Root mean square, as ears have it: -50 dB is nothing, 0 dB is all. */
export function loudness(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const db = 10 * Math.log10(sum / Math.max(1, samples.length) + 1e-12);
  return Math.max(0, Math.min(1, (db + 50) / 50));
}

function toPcm(samples: Float32Array): Int16Array {
  return Int16Array.from(samples, (sample) =>
    Math.max(-32_768, Math.min(32_767, Math.round(sample * 32_767))),
  );
}
