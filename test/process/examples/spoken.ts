// What a microphone would send of a line: spoken by an engine of the gateway, with the silence around it.
import { bytesToBase64, pcmToBytes } from '../../../src/audio/pcm.ts';
import { resample } from '../../../src/audio/resample.ts';
import { parseWav } from '../../../src/audio/wav.ts';
import type { GatewayProcess } from '../../support/gateway-process.ts';

/** @param voice the engine that says it */
export async function spoken(gateway: GatewayProcess, voice: string, text: string): Promise<object> {
  const response = await fetch(`${await gateway.url()}/v1/audio/speech`, {
    method: 'POST',
    body: JSON.stringify({ model: voice, input: text, response_format: 'wav' }),
  });
  const { pcm, rateHz } = parseWav(new Uint8Array(await response.arrayBuffer()));
  const speech = resample(pcm, rateHz, 24_000);
  const turn = new Int16Array(speech.length + 28_800);
  turn.set(speech, 4800);
  return { type: 'input_audio_buffer.append', audio: bytesToBase64(pcmToBytes(turn)) };
}
