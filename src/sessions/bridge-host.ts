// What work beside a bridged call sees of it: what was said, a way to have something said, tools of its own that the
// caller never sees.
import { transcriptOf } from '../bridge/items.ts';
import type { BridgeInput, BridgeState, SpeechOutcome } from '../bridge/state.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { NewId } from '../wire/ids.ts';
import type { Item } from '../wire/items.ts';
import { isObject, type JsonObject, objectAt } from '../wire/json.ts';

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

/** Words of the caller that are still being written down are waited for so long. */
const wordsMsMax = 5000;
/** What nobody could be told for so long is given up. */
const speakMsMax = 60_000;

const callOver = { state: 'failed', code: 'scope_closed', message: 'the call has ended' } as const;

export class BridgeHost {
  readonly #options: BridgeHostOptions;
  #transcribed = Promise.withResolvers<void>();
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
   * The same items of before, with what their caller said in them: upstream writes that down beside the conversation, and
   * its answer is often faster. Resolves with what there is after 5 s, when the signal aborts or when the call has ended.
   */
  async written(items: readonly Item[], signal: AbortSignal): Promise<readonly Item[]> {
    const { scope } = this.#options;
    const isLate = () => isObject(this.#asksForWords()) && this.#withWords(items).some(lacksWords);
    const { promise, resolve } = Promise.withResolvers<'over'>();
    const stop = () => resolve('over');
    const late = scope.clock.after(wordsMsMax, stop, { ref: false });
    signal.addEventListener('abort', stop, { once: true });
    let state: 'over' | undefined = signal.aborted ? 'over' : undefined;
    while (state === undefined && scope.state === 'open' && isLate())
      state = (await Promise.race([promise, this.#transcribed.promise])) ?? undefined;
    late.cancel();
    signal.removeEventListener('abort', stop);
    return this.#withWords(items);
  }

  /**
   * Has something said as soon as nobody else says anything: never cancels what runs, and is given up after 60 s. `cut`:
   * the caller spoke over it. In another voice only where upstream can still switch; otherwise the instructions ask for
   * its manner.
   */
  speak({
    instructions,
    voice = null,
    metadata,
  }: {
    readonly instructions: string;
    readonly voice?: string | null;
    /** Of its response. */
    readonly metadata?: JsonObject;
  }): Promise<SpeechOutcome> {
    const { newId, feed, scope } = this.#options;
    // Work that outlives its call has nobody to tell any more.
    if (scope.state !== 'open') return Promise.resolve(callOver);
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
      feed({
        type: 'speak',
        speech: { id, instructions, voice, attempts: 0, ...(metadata && { metadata }) },
      });
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

  /** Something that the caller said has been written down. */
  heard(): void {
    this.#transcribed.resolve();
    this.#transcribed = Promise.withResolvers();
  }

  called(call: ToolCall): void {
    this.#tools.get(call.name)?.(call);
  }

  spoken(id: string, outcome: SpeechOutcome): void {
    this.#speeches.get(id)?.(outcome);
    this.#speeches.delete(id);
  }

  #asksForWords(): unknown {
    return objectAt(this.#options.state().session, 'audio', 'input')?.['transcription'];
  }

  #withWords(items: readonly Item[]): readonly Item[] {
    const now = new Map(this.transcript().map((item) => [item.id, item]));
    return items.map((item) => (lacksWords(item) ? (now.get(item.id) ?? item) : item));
  }

  #close(): void {
    this.heard();
    for (const id of [...this.#speeches.keys()]) this.spoken(id, callOver);
  }
}

function lacksWords(item: Item): boolean {
  return (
    item.type === 'message' &&
    item.role === 'user' &&
    item.content.some((part) => part.type === 'input_audio' && part.transcript === null)
  );
}
