// A bridged call between a caller, whom a random schedule has do anything at any time, and a model of an upstream that
// enforces the rules. Frames travel when the schedule says so. What must hold of the caller's view is checked with every
// event that it gets, the rest when everything has been let run out.
import assert from 'node:assert/strict';
import { appendedBytes, audioDelta } from '../../../src/bridge/audio-frames.ts';
import { next, openBridge } from '../../../src/bridge/bridge.ts';
import {
  type BridgeEffect,
  type BridgeInput,
  type BridgeState,
  commitKey,
  type TimerName,
} from '../../../src/bridge/state.ts';
import type { IdPrefix } from '../../../src/wire/ids.ts';
import { type JsonObject, objectAt, textAt } from '../../../src/wire/json.ts';
import { initialSession } from '../../../src/wire/session-config.ts';
import { UpstreamModel } from '../../support/upstream/model.ts';

export class BridgeWorld {
  readonly upstream = new UpstreamModel();
  readonly sent: JsonObject[] = [];
  readonly events: JsonObject[] = [];
  readonly timers = new Set<TimerName>();
  readonly outcomes = new Map<string, string>();
  readonly asked = new Set<string>();
  state: BridgeState;
  ended: Extract<BridgeEffect, { type: 'end' }> | undefined;
  #seen = 0;
  #ids = 0;
  /** On their way up, with how far the gateway had heard. */
  readonly #up: { readonly event: JsonObject; readonly seen: number }[] = [];
  #held: { readonly text: string; readonly key: string | null; readonly bytes: number }[] = [];
  #open: string | null = null;
  readonly #calls = new Set<string>();

  constructor() {
    const session = initialSession({
      ...{ id: 'sess_ours', model: 'bridge', voice: 'default', instructions: '', expiresAt: 1_800_000_000 },
    });
    const opened = openBridge({ ...session }, {}, 'conv_ours', this.#newId);
    this.state = opened.state;
    this.#perform(opened.effects);
  }

  /** The caller says it, with an event id of its own that it will look for. */
  say(event: JsonObject): string {
    const eventId = `mine_${this.sent.length}`;
    const whole = { ...event, event_id: eventId };
    this.sent.push(whole);
    const text = JSON.stringify(whole);
    const bytes = appendedBytes(text);
    if (bytes !== undefined) this.feed({ type: 'client_audio', text, bytes });
    else this.feed({ type: 'client', event: whole, text });
    return eventId;
  }

  /** With a mark that its response shows. */
  create(response: JsonObject = {}): void {
    const mine = `mark_${this.sent.length}`;
    this.say({ type: 'response.create', response: { ...response, metadata: { mine } } });
  }

  markOf(event: JsonObject): unknown {
    return objectAt(event, 'response', 'metadata')?.['mine'];
  }

  createItem(): void {
    const content = [{ type: 'input_text', text: 'Hello' }];
    const item = { id: `item_mine${this.sent.length}`, type: 'message', role: 'user', content };
    this.say({ type: 'conversation.item.create', item });
  }

  declareTool(): void {
    if (this.state.tools.length > 0) return;
    this.feed({ type: 'declare_tool', tool: { type: 'function', name: 'own_tool', parameters: {} } });
  }

  speak(instructions: string, voice: string | null = null): string {
    const id = this.#newId('event');
    this.asked.add(id);
    this.feed({ type: 'speak', speech: { id, instructions, voice, attempts: 0 } });
    return id;
  }

  connect(): void {
    this.feed({ type: 'connect' });
  }

  /** Upstream is there, and its session was heard. */
  answer(): void {
    this.connect();
    this.openUpstream();
    while (this.deliverDown());
  }

  /** The caller was shown a response that has not ended. */
  get openResponse(): string | null {
    return this.#open;
  }

  /** The oldest frame arrives upstream. */
  deliverUp(): boolean {
    const frame = this.#up.shift();
    if (frame) this.upstream.receive(frame.event, frame.seen);
    return frame !== undefined;
  }

  /** The oldest event arrives at the gateway. */
  deliverDown(): boolean {
    const said = this.upstream.out.shift();
    if (!said) return false;
    this.#seen = said.seq;
    const text = JSON.stringify(said.event);
    const delta = audioDelta(text);
    if (delta) this.feed({ type: 'upstream_audio', text, ...delta });
    else this.feed({ type: 'upstream', event: said.event, text });
    return true;
  }

  timeUp(name: TimerName): void {
    if (!this.timers.delete(name)) return;
    this.feed({ type: 'timer', name, message: `${name}: time is up` });
  }

  /** Whatever is under way comes to its end. */
  settle(): void {
    if (this.state.phase === 'waiting') this.connect();
    if (this.state.phase === 'connecting' && !this.upstream.received.length) this.openUpstream();
    for (let rounds = 0; rounds < 2000; rounds += 1) {
      while (this.deliverUp() || this.deliverDown());
      if (this.upstream.step() || this.upstream.step(true)) continue;
      if (this.timers.has('doubt')) this.timeUp('doubt');
      else if (this.#up.length === 0 && this.upstream.out.length === 0) return;
    }
    assert.fail('it never settles');
  }

  #upstreamOpen = false;
  openUpstream(): void {
    if (this.#upstreamOpen || this.state.phase !== 'connecting') return;
    this.#upstreamOpen = true;
    this.upstream.open();
  }

  feed(input: BridgeInput): void {
    const step = next(this.state, input, this.#newId);
    this.state = step.state;
    this.#perform(step.effects);
  }

  readonly #newId = (prefix: IdPrefix) => {
    this.#ids += 1;
    return `${prefix}_ours${this.#ids}`;
  };

  #perform(effects: readonly BridgeEffect[]): void {
    for (const effect of effects) this.#do(effect);
  }

  #do(effect: BridgeEffect): void {
    switch (effect.type) {
      case 'to_caller':
        return this.#hear(effect.event);
      case 'pass':
        return this.#hear(JSON.parse(`${effect.text}`) as JsonObject);
      case 'to_upstream':
        return void this.#up.push({ event: JSON.parse(`${effect.text}`) as JsonObject, seen: this.#seen });
      case 'hold':
        return void this.#held.push({ ...effect, text: `${effect.text}` });
      case 'drop_held': {
        const { what } = effect;
        const from = what === 'audio' ? this.#held.findLastIndex(({ key }) => key === commitKey) + 1 : 0;
        this.#held = this.#held.filter(
          ({ bytes, key }, index) => index < from || (what === 'audio' ? bytes === 0 : key !== what.key),
        );
        return;
      }
      case 'release_held':
        for (const { text } of this.#held.splice(0))
          this.#up.push({ event: JSON.parse(text) as JsonObject, seen: this.#seen });
        return;
      case 'start_timer':
        return void this.timers.add(effect.name);
      case 'stop_timer':
        return void this.timers.delete(effect.name);
      case 'speech_ended':
        assert(!this.outcomes.has(effect.id), 'a speech ends once');
        return void this.outcomes.set(effect.id, effect.outcome.state);
      case 'tool_called':
        assert(!this.#calls.has(effect.callId), 'a call is made once');
        this.#calls.add(effect.callId);
        return this.feed({ type: 'answer_call', callId: effect.callId, output: '{}', speak: true });
      case 'end':
        this.ended = effect;
    }
  }

  /** What must hold of every event that the caller gets. */
  #hear(event: JsonObject): void {
    this.events.push(event);
    const text = JSON.stringify(event);
    assert(!text.includes('greenroom_create'), `a tag of ours was shown: ${text}`);
    const taken = objectAt(event, 'error')?.['code'] === 'tool_name_taken';
    assert(taken || !text.includes('own_tool'), `a tool of ours was shown: ${text}`);
    const response = objectAt(event, 'response');
    const conversation = response?.['conversation_id'] !== null;
    if (event['type'] === 'response.created' && conversation) {
      assert.equal(this.#open, null, 'one response at a time');
      this.#open = textAt(response, 'id') ?? '';
    }
    if (event['type'] === 'response.done' && conversation) {
      assert.equal(textAt(response, 'id'), this.#open, 'what ends has begun');
      this.#open = null;
    }
    if (event['type'] === 'error') {
      const eventId = objectAt(event, 'error')?.['event_id'];
      const known = eventId === null || this.sent.some((mine) => mine['event_id'] === eventId);
      assert(known, `an error about an event that the caller does not know: ${text}`);
    }
    if (event['type'] === 'session.updated' || event['type'] === 'session.created')
      assert.equal(objectAt(event, 'session')?.['id'], 'sess_ours', 'the caller has one session');
  }
}
