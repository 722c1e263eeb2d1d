// A live call: a microphone, the keys, and answers that are played. Everything it starts stands in its scope; the end is
// an event like any other, whoever causes it, and then everything stops in order: the microphone, the playback, the
// connection. Nothing here ends the process.
import { decodeAudio } from '../../client/audio.ts';
import type { ClientEvent } from '../../client/client-events.ts';
import type { ConnectionEvent } from '../../client/events.ts';
import { GreenroomError } from '../../lifecycle/errors.ts';
import type { Scope } from '../../lifecycle/scope.ts';
import type { Call } from './call.ts';
import type { LiveReport } from './live-report.ts';
import { type LiveWord, liveWord } from './live-state.ts';
import { levelOf, readMicrophone } from './microphone.ts';
import type { SoundProgram } from './programs.ts';
import { SoundChild } from './sound-child.ts';
import { Speaker } from './speaker.ts';
import type { StatusFacts } from './status-line.ts';
import { firstTyping, type Key, press, submit, type Typing, type TypingStep } from './typing.ts';

export interface LiveParts {
  readonly call: Call;
  readonly report: LiveReport;
  readonly scope: Scope;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Null: lines are typed. */
  readonly recorder: SoundProgram | null;
  /** Null: answers are shown. */
  readonly player: SoundProgram | null;
  /** Something that the status line shows has changed. */
  readonly onChange: () => void;
}

const levelsMax = 64;
/** After the microphone was muted, a turn that was being spoken is given the silence that ends it. */
const mutedSilenceMs = 1500;

export class Live {
  readonly #parts: LiveParts;
  readonly #speaker: Speaker | null;
  readonly #startedMs: number;
  #microphone: SoundChild | null = null;
  #typing: Typing;
  #levels: readonly number[] = [];
  #playedLevels: readonly number[] = [];
  #mutedMs = 0;
  /** Of the answer that was interrupted: what still comes of it is not played. */
  #cutResponse: string | null = null;
  /** What is being said to us, or was last. */
  #answer = '';
  #retry: { readonly attempt: number; readonly atMs: number } | null = null;
  #why: string | null = null;

  constructor(parts: LiveParts) {
    const { call, scope, env, player, recorder, report, onChange } = parts;
    this.#parts = parts;
    this.#startedMs = call.clock.now();
    this.#typing = firstTyping(recorder ? 'there' : 'none');
    this.#speaker =
      player &&
      new Speaker({
        ...{ program: player, env, clock: call.clock, scope },
        onChange: () => this.#speakerChanged(),
        onPiece: (pcm) => this.#played(levelOf(pcm)),
        onTrouble: (words) => report.remark('playback_failed', `${words}; answers are shown from here on`),
      });
    scope.defer(
      'listener',
      call.connection.on('event', (event) => this.#take(event)),
    );
    this.#changed();
    onChange();
  }

  /** Why it is leaving; null while it is not. */
  get why(): string | null {
    return this.#why;
  }

  /** Of the answer: `played` it is whole, and still to be heard. */
  get answering(): 'none' | 'asked' | 'coming' | 'played' {
    const { owed } = this.#parts.call.answers;
    if (owed !== 'none') return owed === 'start' ? 'asked' : 'coming';
    return this.#speaker?.state === 'playing' ? 'played' : 'none';
  }

  status(): StatusFacts {
    const { call, recorder } = this.#parts;
    const { connection, clock } = call;
    const retry = this.#retry && {
      attempt: this.#retry.attempt,
      inMs: Math.max(0, this.#retry.atMs - clock.now()),
    };
    return {
      word: this.#word,
      ms: clock.now() - this.#startedMs,
      levels: this.#speaker?.state === 'playing' ? this.#playedLevels : this.#levels,
      speech: call.speech.state,
      microphone: recorder ? 'there' : 'none',
      line: this.#typing.line,
      answer: this.#answer,
      heard: call.heard,
      lobby: connection.lobby,
      retry,
      kept: connection.kept,
    };
  }

  /** Starts the microphone, and says what was typed before. */
  start(lines: readonly string[]): void {
    const { recorder, player, scope, env, call, report } = this.#parts;
    report.started({ microphone: recorder?.name ?? null, playback: player?.name ?? null });
    for (const line of lines) this.#say(line);
    if (!recorder) return;
    const { clock } = call;
    const child = new SoundChild(recorder, { does: 'records', env, clock });
    this.#microphone = child;
    scope.defer('microphone', async () => void (await child.end()));
    scope.spawn('microphone', async (signal) => {
      await readMicrophone({ child, clock, signal, onPcm: (pcm) => this.#hear(pcm) });
      if (!signal.aborted) this.#microphoneEnded(await child.ended);
    });
  }

  /** Resolves when somebody or something has ended it. */
  async ended(): Promise<void> {
    const { call } = this.#parts;
    await call.expect({
      met: () => this.#why !== null,
      missing: () => 'the call did not end',
      timeoutMs: Number.POSITIVE_INFINITY,
    });
  }

  /** In order: nobody listens any more, nothing is played any more. The connection is its command's. */
  async stop(): Promise<void> {
    const { report, call } = this.#parts;
    const beganMs = call.clock.now();
    // From here on nothing is appended, whatever the microphone still gives.
    this.#why ??= 'the call has ended';
    const since = () => call.clock.now() - beganMs;
    const ended = await this.#microphone?.end();
    if (ended) report.stopped('microphone', since(), ended.words);
    await this.#speaker?.close();
    if (this.#speaker) report.stopped('playback', since(), this.#speaker.state);
  }

  leave(why: string): void {
    if (this.#why !== null) return;
    this.#why = why;
    this.#parts.call.wake();
    this.#changed();
  }

  key(key: Key): void {
    this.#step(press(this.#typing, key, this.#parts.recorder ? 'there' : 'none'));
  }

  /** A whole line. */
  line(line: string): void {
    if (line.trim() !== '') this.#step({ ...submit(line.trim()), typing: this.#typing });
  }

  #step({ typing, action }: TypingStep): void {
    if (this.#typing.mode === 'voice' && typing.mode === 'typing') this.#mutedMs = 0;
    this.#typing = typing;
    if (action.do === 'leave') this.leave('asked at the keys');
    else if (action.do === 'say') this.#say(action.text);
    else if (action.do === 'explain') this.#parts.report.remark('help', action.text);
    this.#changed();
  }

  #say(text: string): void {
    const { call, report } = this.#parts;
    this.#interrupt();
    if (call.answers.current) this.#send({ type: 'response.cancel' });
    const said = call.connection.say(text);
    if (said.state !== 'refused') call.answers.asked({ eventId: said.eventId, atMs: call.clock.now() });
    report.said(text, said);
  }

  #hear(pcm: Int16Array): void {
    if (this.#why !== null) return;
    const { connection } = this.#parts.call;
    const muted = this.#typing.mode === 'typing';
    this.#levels = [...this.#levels, muted ? 0 : levelOf(pcm)].slice(-levelsMax);
    if (muted && this.#mutedMs > mutedSilenceMs) return;
    this.#mutedMs += muted ? pcm.length / 24 : 0;
    connection.append(muted ? new Int16Array(pcm.length) : pcm);
  }

  #played(level: number): void {
    this.#playedLevels = [...this.#playedLevels, level].slice(-levelsMax);
  }

  #microphoneEnded({ state, words }: { readonly state: string; readonly words: string }): void {
    if (this.#why !== null) return;
    if (state !== 'failed') return this.leave(`the microphone has ended: ${words}`);
    const hint = 'name another with --mic DEVICE, or only type with --no-mic';
    const { code, message, exitCode } = new GreenroomError('microphone_failed', `${words}; ${hint}`);
    this.#parts.report.error(code, message, exitCode);
    this.leave('the microphone has failed');
  }

  #take(event: ConnectionEvent): void {
    try {
      this.#follow(event);
    } catch (thrown) {
      // It lacks what it should have; the call, which follows it too, has said so.
      if (!(thrown instanceof TypeError || thrown instanceof DOMException)) throw thrown;
    }
    this.#answer = this.#parts.call.answers.current?.transcript ?? this.#answer;
    this.#changed();
  }

  #follow(event: ConnectionEvent): void {
    const { call, report } = this.#parts;
    switch (event.type) {
      case 'session.created':
        // Turn detection that answers is what a microphone needs; a pipeline may have been set up otherwise.
        if (event.session.audio?.input.turn_detection?.create_response === true) break;
        call.connection.configure({
          audio: { input: { turn_detection: { type: 'server_vad', create_response: true } } },
        });
        break;
      case 'input_audio_buffer.speech_started':
        this.#interrupt();
        break;
      case 'response.output_audio.delta':
        if (event.response_id !== this.#cutResponse)
          this.#speaker?.add(event.item_id, event.content_index, decodeAudio(event.delta));
        break;
      case 'response.done':
        this.#speaker?.whole();
        break;
      case 'client.line':
        report.line(event);
        break;
      case 'client.audio_dropped':
        report.dropped(event);
        break;
      case 'client.state':
        this.#moved(event);
        break;
    }
  }

  #moved(event: ConnectionEvent & { readonly type: 'client.state' }): void {
    const { call, report } = this.#parts;
    if (event.state === 'reconnecting') {
      this.#speaker?.orphan();
      this.#retry = { attempt: event.attempt ?? 1, atMs: call.clock.now() + (event.retryMs ?? 0) };
      return report.away(event, event.before === 'open' ? 'first' : 'again');
    }
    this.#retry = null;
    if (event.before === 'reconnecting' && event.state === 'open') report.back(event.conversation);
  }

  /** Whoever speaks or types wants to hear no more; what was not heard is not remembered as said. */
  #interrupt(): void {
    const { call, report } = this.#parts;
    const cut = this.#speaker?.stop() ?? [];
    this.#cutResponse = call.answers.current?.responseId ?? null;
    for (const { itemId, contentIndex, ms } of cut) {
      report.interrupted(itemId, ms);
      const address = { item_id: itemId, content_index: contentIndex };
      this.#send({ type: 'conversation.item.truncate', ...address, audio_end_ms: ms });
    }
  }

  /** About an answer of this connection: without it there is nothing to say. */
  #send(event: ClientEvent): void {
    try {
      this.#parts.call.connection.send(event);
    } catch (thrown) {
      if (!(thrown instanceof GreenroomError)) throw thrown;
    }
  }

  get #word(): LiveWord {
    const { connection, answers } = this.#parts.call;
    if (this.#why !== null) return 'leaving';
    const playing = this.#speaker?.state === 'playing';
    const shown = this.#speaker?.state !== 'silent' && answers.current !== undefined;
    return liveWord({
      connection: connection.state,
      lobby: connection.lobby?.state ?? null,
      typing: this.#typing,
      answer: playing || shown ? 'said' : 'none',
    });
  }

  #speakerChanged(): void {
    this.#parts.call.wake();
    this.#changed();
  }

  #changed(): void {
    this.#parts.report.state(this.#word);
    this.#parts.onChange();
  }
}
