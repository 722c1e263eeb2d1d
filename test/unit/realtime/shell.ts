// What the shell around a conversation holds: positions of audio, running answers, a timer of the lobby. It can only
// do what the effects ask for when they make sense; if they do not, that is an error here.
import assert from 'node:assert/strict';
import type {
  Conversation,
  ConversationInput,
  Effect,
  ResponseSnapshot,
} from '../../../src/realtime/state.ts';
import type { InputFormat, TurnDetection } from '../../../src/wire/session-config.ts';

export class ShellModel {
  startSample = 0;
  endSample = 0;
  /** The item of somebody who speaks. */
  listening: string | null = null;
  readonly running = new Set<string>();
  readonly hearing = new Set<string>();
  readonly audio = new Map<string, number>();
  lobbyWait: 'begin' | 'end' = 'end';
  idleMs: number | null = null;
  detection: TurnDetection | null = null;
  inputFormat: InputFormat = { type: 'audio/pcm', rate: 24_000 };
  readonly snapshots: ResponseSnapshot[] = [];
  #takenSample = 0;

  /** Before the conversation is told. */
  given(input: ConversationInput): void {
    if (input.type === 'audio_appended') this.endSample += input.samples;
    if (input.type === 'audio_dropped') this.#drop(input.toSample);
    if (input.type === 'transcript_ended' || input.type === 'transcript_failed')
      this.hearing.delete(input.itemId);
    if (input.type === 'output_ended') this.running.delete(input.responseId);
  }

  perform(effect: Effect, input: ConversationInput | null): void {
    switch (effect.type) {
      case 'keep_audio': {
        const { fromSample, toSample, itemId } = effect;
        assert.ok(fromSample >= this.startSample && fromSample <= toSample && toSample <= this.endSample);
        assert.ok(fromSample >= this.#takenSample, 'no sample is taken twice');
        this.#takenSample = toSample;
        if (this.listening === itemId) this.listening = null;
        this.audio.set(itemId, toSample - fromSample);
        return;
      }
      case 'drop_audio':
        return this.#drop(effect.toSample);
      case 'keep_given_audio':
        assert.ok(!this.audio.has(effect.itemId));
        this.audio.set(effect.itemId, effect.audio.length);
        return;
      case 'listen':
        assert.equal(this.listening, null, 'one turn at a time');
        this.listening = effect.itemId;
        return;
      case 'forget_item':
        if (this.listening === effect.itemId) this.listening = null;
        this.audio.delete(effect.itemId);
        this.hearing.delete(effect.itemId);
        return;
      case 'transcribe':
        assert.equal(this.hearing.size, 0, 'one transcript at a time');
        assert.ok(this.audio.has(effect.itemId), 'only what is kept is heard');
        this.hearing.add(effect.itemId);
        return;
      case 'start_response':
        assert.ok(!this.running.has(effect.snapshot.responseId));
        this.running.add(effect.snapshot.responseId);
        this.snapshots.push(effect.snapshot);
        return;
      case 'stop_response':
        assert.ok(this.running.delete(effect.responseId), 'only what runs is stopped');
        return;
      case 'lobby_wait':
        assert.notEqual(effect.state, this.lobbyWait, 'begin and end alternate');
        this.lobbyWait = effect.state;
        return;
      case 'idle_wait':
        assert.notEqual(effect.ms, this.idleMs, 'only a change is told');
        this.idleMs = effect.ms;
        return;
      case 'use_input_format':
        assert.notDeepEqual(effect.format, this.inputFormat, 'only a change is told');
        this.inputFormat = effect.format;
        return;
      case 'detect_turns':
        this.detection = effect.detection;
        return;
      case 'send':
      case 'send_retrieved':
      case 'reset_turn_detection':
      case 'record':
        return;
      default:
        assert.fail(`unknown effect ${JSON.stringify(effect satisfies never)} after ${input?.type}`);
    }
  }

  agrees(state: Conversation): void {
    const { input, response, waiting, phase, session, asides, waitingAsides } = state;
    assert.equal(input.startSample, this.startSample);
    if (this.listening !== null) assert.equal(input.turn?.itemId, this.listening);
    assert.equal(input.endSample, this.endSample);
    const asked = [...state.unheard].filter(([, { state: how }]) => how === 'asked');
    assert.deepEqual(
      [...this.hearing],
      asked.map(([id]) => id),
    );
    assert.deepEqual(
      [...this.running].toSorted(),
      [response, ...asides].flatMap((one) => (one ? [one.object.id] : [])).toSorted(),
    );
    const waits = waiting || waitingAsides.length > 0;
    assert.equal(this.lobbyWait, waits && phase === 'lobby' ? 'begin' : 'end');
    assert.equal(this.idleMs, state.idleMs);
    assert.deepEqual(this.inputFormat, session.audio.input.format);
    assert.deepEqual(this.detection, session.audio.input.turn_detection);
  }

  #drop(toSample: number): void {
    this.startSample = Math.max(this.startSample, Math.min(toSample, this.endSample));
  }
}
