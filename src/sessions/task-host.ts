// What the tasks of a session have of it: the conversation as it is, a way to tell its caller, a voice.
import type { Scope } from '../lifecycle/scope.ts';
import { withoutFillers } from '../realtime/spoken.ts';
import type { Conversation, ConversationInput } from '../realtime/state.ts';
import type { TaskHost, TaskSummary } from '../tasks/task-host.ts';
import type { Item } from '../wire/items.ts';
import type { ServerEvent } from '../wire/server-events.ts';

/** A summary that nobody could be told for so long is given up. */
const speakMsMax = 60_000;

export interface SessionTaskHostOptions {
  readonly scope: Scope;
  readonly conversation: () => Conversation;
  readonly send: (event: ServerEvent) => void;
  readonly feed: (input: ConversationInput) => void;
  readonly onFault: (what: string, error: unknown) => void;
}

export class SessionTaskHost implements TaskHost {
  readonly #options: SessionTaskHostOptions;

  constructor(options: SessionTaskHostOptions) {
    this.#options = options;
  }

  transcript(): readonly Item[] {
    const conversation = this.#options.conversation();
    const { response } = conversation;
    // What is being said is no part of its item yet.
    return withoutFillers(conversation).map((item) =>
      item.type === 'message' && item.id === response?.itemId
        ? { ...item, content: [{ type: 'output_text', text: response.text }] }
        : item,
    );
  }

  notice(event: Parameters<TaskHost['notice']>[0]): void {
    this.#options.send(event);
  }

  speak({ id, name, instructions, prompt, voice }: TaskSummary): void {
    const { scope, feed } = this.#options;
    if (scope.state !== 'open') return;
    const metadata = { task: name, task_id: id };
    const givingUp = scope.clock.after(speakMsMax, () => this.#giveUp(id, name), { ref: false });
    scope.defer('summary', () => givingUp.cancel());
    feed({ type: 'speak', request: { id, instructions, prompt, voice, metadata } });
  }

  #giveUp(id: string, name: string): void {
    const { conversation, feed, onFault } = this.#options;
    if (!conversation().internal.some((request) => request.id === id)) return;
    feed({ type: 'unspeak', id });
    const why = `nobody could be told for ${speakMsMax} ms: answers or speech were under way, or engines were not ready`;
    onFault(`the summary of task ${name} (${id})`, new Error(why));
  }
}
