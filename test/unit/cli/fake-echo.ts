// The behaviours of a gateway that the tests of `talk` call: an echo with turn detection by loudness.

import { concatPcm } from '../../../src/audio/pcm.ts';
import { writeWav } from '../../../src/audio/wav.ts';
import type { CommandIo } from '../../../src/cli/io.ts';
import { encodeAudio } from '../../../src/client/audio.ts';
import { decodeAudio } from '../../../src/client/index.ts';
import { initialSession, serverVadDefault } from '../../../src/wire/session-config.ts';
import type { ClientFrame, FakeBehaviour, FakeCall } from '../client/fake-gateway.ts';

export const ready = { type: 'greenroom.lobby', state: 'ready', engines: [] };

const given = { id: 'sess_1', model: 'default', voice: 'slt', instructions: '', expiresAt: 0 };

export function greet(call: FakeCall, changes: object = {}): void {
  call.send({ type: 'session.created', session: { ...initialSession(given), ...changes } });
  call.send({
    type: 'conversation.created',
    conversation: { id: 'conv_1', object: 'realtime.conversation' },
  });
}

/** A whole answer, in the order of the wire. */
export function answer(call: FakeCall, id: string, text: string, samples: number): void {
  begin(call, id, text, samples);
  done(call, id);
}

export function begin(call: FakeCall, id: string, text: string, samples: number): void {
  const address = { response_id: id, item_id: `item_${id}`, output_index: 0, content_index: 0 };
  call.send({ type: 'response.created', response: { id, status: 'in_progress', output: [] } });
  call.send({ type: 'response.output_audio_transcript.delta', ...address, delta: text });
  // Every answer has its own sample value, so that the order of what is kept can be seen.
  const pcm = new Int16Array(samples).fill(Number(id.replace(/\D/g, '')));
  if (samples > 0) call.send({ type: 'response.output_audio.delta', ...address, delta: encodeAudio(pcm) });
}

export function done(call: FakeCall, id: string, changes: object = {}): void {
  const response = {
    id,
    status: 'completed',
    status_details: null,
    output: [{ id: `item_${id}` }],
    ...changes,
  };
  call.send({ type: 'response.done', response });
}

/** Greets, and does the rest when the answer is asked for. */
export function onAsk(ask: FakeBehaviour['onEvent']): FakeBehaviour {
  return {
    onCall(call) {
      greet(call);
      call.send(ready);
    },
    onEvent: (event, call) => (event.type === 'response.create' ? ask?.(event, call) : undefined),
  };
}

/** 0.4 s of noise in 0.2 s and 0.1 s of silence, at 16 kHz. */
export function speechWav(): Uint8Array {
  const noise = Int16Array.from({ length: 6400 }, (_, index) => ((index * 7919) % 20_000) - 10_000);
  return writeWav(concatPcm([new Int16Array(3200), noise, new Int16Array(1600)]), 16_000);
}

/** Answers typed lines with themselves, and speech, once it ends, with its transcript `(speech)`. */
export function echo(options: { readonly detection?: 'on' | 'off' } = {}): FakeBehaviour {
  const turns = new Map<FakeCall, Turns>();
  return {
    onCall(call) {
      turns.set(call, new Turns(call, options.detection ?? 'on'));
      greet(call, options.detection === 'off' ? { audio: { input: { turn_detection: null } } } : {});
      call.send(ready);
    },
    onEvent(event, call) {
      turns.get(call)?.take(event);
    },
  };
}

class Turns {
  readonly #call: FakeCall;
  #detection: 'on' | 'off';
  #line = '';
  #answers = 0;
  #positionMs = 0;
  #quietMs = 0;
  #speech: 'none' | 'open' = 'none';

  constructor(call: FakeCall, detection: 'on' | 'off') {
    this.#call = call;
    this.#detection = detection;
  }

  take(event: ClientFrame): void {
    switch (event.type) {
      case 'session.update':
        return this.#update(event);
      case 'conversation.item.create':
        this.#line = (event['item'] as { content: { text: string }[] }).content[0]?.text ?? '';
        return;
      case 'response.create':
        return this.#answer(this.#line || '(pushed)');
      case 'input_audio_buffer.append':
        return this.#hear(decodeAudio(event['audio'] as string));
    }
  }

  #update(event: ClientFrame): void {
    const { audio } = event['session'] as { audio?: { input: { turn_detection: object | null } } };
    if (audio) this.#detection = audio.input.turn_detection ? 'on' : 'off';
    const turn_detection = this.#detection === 'on' ? serverVadDefault : null;
    this.#call.send({ type: 'session.updated', session: { audio: { input: { turn_detection } } } });
  }

  #hear(pcm: Int16Array): void {
    const ms = pcm.length / 24;
    const loud = pcm.some((sample) => Math.abs(sample) > 1000);
    if (loud && this.#speech === 'none' && this.#detection === 'on') {
      this.#speech = 'open';
      const audio_start_ms = Math.round(this.#positionMs);
      this.#call.send({ type: 'input_audio_buffer.speech_started', item_id: 'item_0', audio_start_ms });
    }
    this.#positionMs += ms;
    this.#quietMs = loud ? 0 : this.#quietMs + ms;
    if (this.#speech === 'none' || this.#quietMs < 500) return;
    this.#speech = 'none';
    const audio_end_ms = Math.round(this.#positionMs);
    this.#call.send({ type: 'input_audio_buffer.speech_stopped', item_id: 'item_0', audio_end_ms });
    this.#answer('(speech)');
  }

  #answer(text: string): void {
    this.#answers += 1;
    answer(this.#call, `resp_${this.#answers}`, text, 24 * 100 * this.#answers);
  }
}

export interface TestIo extends CommandIo {
  readonly outLines: string[];
  readonly errLines: string[];
  readonly interrupt: () => void;
  /** The lines of `--json`. */
  events(): readonly Record<string, unknown>[];
}

export function testIo(cwd: string): TestIo {
  const controller = new AbortController();
  const outLines: string[] = [];
  const errLines: string[] = [];
  return {
    out: (line) => outLines.push(line),
    err: (line) => errLines.push(line),
    env: {},
    cwd,
    signal: controller.signal,
    outLines,
    errLines,
    interrupt: () => controller.abort(),
    events: () => outLines.map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}
