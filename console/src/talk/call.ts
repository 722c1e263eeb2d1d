// A call from the page: its connection, its microphone, what is played. It outlives the page that shows it; whoever
// hangs up ends all three.
import { type ReadonlySignal, signal } from '@preact/signals';
import {
  type ConnectionEvent,
  connect,
  decodeAudio,
  type RealtimeConnection,
} from '../../../src/client/index.ts';
import { wordsOf } from '../live/api.ts';
import { type Conversation, firstConversation, next } from './conversation.ts';
import { answerStep } from './latency.ts';
import { loudness, type Microphone, openMicrophone } from './microphone.ts';
import { Player } from './player.ts';

/** `push`: it listens while a key is held. */
export type Listening = 'off' | 'open' | 'push';

/** The call under way, or the last one. */
export const currentCall = signal<Call | null>(null);

export function startCall(model: string | undefined): Call {
  currentCall.value?.hangUp();
  const call = new Call(model);
  currentCall.value = call;
  return call;
}

export class Call {
  readonly #conversation = signal<Conversation>(firstConversation);
  readonly listening = signal<Listening>('off');
  /** Of push to talk. */
  readonly held = signal<'held' | 'free'>('free');
  /** Why there is no microphone. */
  readonly trouble = signal('');
  readonly #context = new AudioContext();
  readonly #player = new Player(this.#context);
  readonly #connection: RealtimeConnection;
  #microphone: Microphone | undefined;
  /** What still comes of it is not played. */
  #cut: string | null = null;
  #now = firstConversation;
  #frame = 0;

  constructor(model: string | undefined) {
    this.#connection = connect({ url: location.origin, ...(model !== undefined && { model }) });
    this.#connection.on('event', (event) => this.#take(event));
    void this.#context.resume();
  }

  get conversation(): ReadonlySignal<Conversation> {
    return this.#conversation;
  }

  /** 0 to 1, of this moment. */
  levels(): { readonly microphone: number; readonly playback: number } {
    const open = this.listening.value === 'open' || this.held.value === 'held';
    return {
      microphone: open ? (this.#microphone?.level() ?? 0) : 0,
      playback: this.#player.level(loudness),
    };
  }

  say(text: string): void {
    this.interrupt();
    this.#connection.say(text);
  }

  /** What is being said stops at once, and what was not heard of it is no part of the conversation. */
  interrupt(): void {
    const { response } = this.#now;
    this.#silence();
    if (response !== null) this.#send({ type: 'response.cancel', response_id: response });
  }

  async listen(how: Listening): Promise<void> {
    this.trouble.value = '';
    const before = this.listening.value;
    this.listening.value = how;
    if (how === 'off') return this.#closeMicrophone();
    try {
      this.#microphone ??= await openMicrophone(this.#context, (pcm) => this.#hear(pcm));
    } catch (thrown) {
      this.listening.value = 'off';
      this.trouble.value = wordsOf(thrown);
      return;
    }
    // It was switched off meanwhile, or the call is over.
    if (this.listening.value === 'off' || this.#now.state === 'ended') return this.#closeMicrophone();
    if (how === before) return;
    const detection = how === 'push' ? null : ({ type: 'server_vad' } as const);
    this.#connection.configure({ audio: { input: { turn_detection: detection } } });
  }

  press(): void {
    if (this.listening.value !== 'push' || this.held.value === 'held') return;
    this.interrupt();
    this.#send({ type: 'input_audio_buffer.clear' });
    this.held.value = 'held';
  }

  release(): void {
    if (this.held.value === 'free') return;
    this.held.value = 'free';
    this.#send({ type: 'input_audio_buffer.commit' });
    this.#send({ type: 'response.create' });
  }

  hangUp(): void {
    this.#closeMicrophone();
    this.#player.stop();
    void this.#connection.close();
    if (this.#context.state !== 'closed') void this.#context.close();
  }

  #hear(pcm: Int16Array): void {
    if (this.listening.value === 'open' || this.held.value === 'held') this.#connection.append(pcm);
  }

  #take(event: ConnectionEvent): void {
    const nowMs = performance.now();
    this.#now = next(this.#now, event, nowMs);
    if (event.type === 'response.output_audio.delta' && event.response_id !== this.#cut) {
      const inMs = this.#player.play(event.item_id, decodeAudio(event.delta));
      this.#now = answerStep(this.#now, event.response_id, { playedMs: nowMs + inMs });
    }
    if (event.type === 'input_audio_buffer.speech_started') this.#silence();
    if (event.type === 'client.state' && event.state === 'closed') this.hangUp();
    this.#frame ||= requestAnimationFrame(() => this.#show());
    // A page that nobody looks at has no frames, and the end is to be known all the same.
    if (this.#now.state === 'ended') this.#show();
  }

  #show(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#conversation.value = this.#now;
  }

  #silence(): void {
    const cut = this.#player.stop();
    this.#cut = this.#now.response ?? this.#cut;
    if (!cut) return;
    const { item, heardMs } = cut;
    this.#send({
      type: 'conversation.item.truncate',
      item_id: item,
      content_index: 0,
      audio_end_ms: heardMs,
    });
  }

  #closeMicrophone(): void {
    this.listening.value = 'off';
    this.held.value = 'free';
    this.#microphone?.close();
    this.#microphone = undefined;
  }

  /** While there is no connection there is nothing to cancel or to cut either. */
  #send(event: Parameters<RealtimeConnection['send']>[0]): void {
    if (this.#connection.state === 'open') this.#connection.send(event);
  }
}
