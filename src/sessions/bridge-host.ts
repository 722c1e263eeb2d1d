// What work beside a bridged call sees of it: what was said, a way to have something said, tools of its own that the
// caller never sees.
import { transcriptOf } from '../bridge/items.ts';
import type { BridgeInput, BridgeState, SpeechOutcome } from '../bridge/state.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { NewId } from '../wire/ids.ts';
import type { Item } from '../wire/items.ts';
import type { JsonObject } from '../wire/json.ts';

export interface ToolCall {
  readonly callId: string;
  readonly name: string;
  /** JSON, as the model wrote it. */
  readonly arguments: string;
}

export interface BridgeHostOptions {
  readonly scope: Scope;
  readonly newId: NewId;
  readonly state: () => BridgeState;
  readonly feed: (input: BridgeInput) => void;
}

/** What nobody could be told for so long is given up. */
const speakMsMax = 60_000;

export class BridgeHost {
  readonly #options: BridgeHostOptions;
  readonly #speeches = new Map<string, (outcome: SpeechOutcome) => void>();
  readonly #tools = new Map<string, (call: ToolCall) => void>();

  constructor(options: BridgeHostOptions) {
    this.#options = options;
    options.scope.defer('speeches', () => this.#close());
  }

  /** What was said and called so far, in order, without calls of the gateway's own tools. */
  transcript(): readonly Item[] {
    return transcriptOf(this.#options.state());
  }

  /**
   * Has something said as soon as nobody else says anything: never cancels what runs, and is given up after 60 s. `cut`:
   * the caller spoke over it. In another voice only where upstream can still switch; otherwise the instructions ask for
   * its manner.
   */
  speak({
    instructions,
    voice = null,
  }: {
    readonly instructions: string;
    readonly voice?: string | null;
  }): Promise<SpeechOutcome> {
    const { newId, feed, scope } = this.#options;
    const id = newId('event');
    const message = `nobody could be told for ${speakMsMax} ms: answers or speech were under way, or upstream was not there`;
    const givingUp = scope.clock.after(speakMsMax, () => feed({ type: 'unspeak', id, message }), {
      ref: false,
    });
    return new Promise((resolve) => {
      this.#speeches.set(id, (outcome) => {
        givingUp.cancel();
        resolve(outcome);
      });
      feed({ type: 'speak', speech: { id, instructions, voice, attempts: 0 } });
    });
  }

  /** A tool of the Realtime wire (`type`, `name`, `description`, `parameters`) that upstream may call. */
  declareTool(tool: JsonObject & { readonly name: string }, onCall: (call: ToolCall) => void): void {
    this.#tools.set(tool.name, onCall);
    this.#options.feed({ type: 'declare_tool', tool });
  }

  /** `speak`: the model goes on with the output. */
  answerCall(callId: string, output: string, { speak }: { readonly speak: boolean }): void {
    this.#options.feed({ type: 'answer_call', callId, output, speak });
  }

  called(call: ToolCall): void {
    this.#tools.get(call.name)?.(call);
  }

  spoken(id: string, outcome: SpeechOutcome): void {
    this.#speeches.get(id)?.(outcome);
    this.#speeches.delete(id);
  }

  #close(): void {
    const outcome = { state: 'failed', code: 'scope_closed', message: 'the call has ended' } as const;
    for (const id of [...this.#speeches.keys()]) this.spoken(id, outcome);
  }
}
