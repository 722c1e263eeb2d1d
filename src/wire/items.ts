// Conversation items, GA shape. A message always has `content`, and an `input_audio` part always has `transcript`
// (null until known): strict clients die without them.

export type ItemStatus = 'completed' | 'incomplete' | 'in_progress';

export type ContentPart =
  | { readonly type: 'input_text'; readonly text: string }
  | { readonly type: 'input_audio'; readonly transcript: string | null; readonly audio?: string }
  | { readonly type: 'output_text'; readonly text: string }
  | { readonly type: 'output_audio'; readonly transcript: string | null };

export interface MessageItem {
  readonly id: string;
  readonly object: 'realtime.item';
  readonly type: 'message';
  readonly status: ItemStatus;
  readonly role: 'user' | 'assistant' | 'system';
  readonly content: readonly ContentPart[];
}

export interface FunctionCallItem {
  readonly id: string;
  readonly object: 'realtime.item';
  readonly type: 'function_call';
  readonly status: ItemStatus;
  readonly call_id: string;
  readonly name: string;
  readonly arguments: string;
}

export interface FunctionCallOutputItem {
  readonly id: string;
  readonly object: 'realtime.item';
  readonly type: 'function_call_output';
  readonly status: ItemStatus;
  readonly call_id: string;
  readonly output: string;
}

export type Item = MessageItem | FunctionCallItem | FunctionCallOutputItem;

/** Of its text, audio not counted. */
export function charsOf(item: Item): number {
  if (item.type === 'function_call') return item.arguments.length;
  if (item.type === 'function_call_output') return item.output.length;
  return item.content.reduce(
    (sum, part) => sum + ('text' in part ? part.text.length : (part.transcript?.length ?? 0)),
    0,
  );
}
