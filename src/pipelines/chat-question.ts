// What a language model is asked: a conversation's items as the messages of OpenAI's chat completions, with the tools and
// limits of the session. Pure.
// https://platform.openai.com/docs/api-reference/chat/create
import type { ChatCall } from '../engines/instance.ts';
import type { ResponseSnapshot } from '../realtime/state.ts';
import type { FunctionCallItem, FunctionCallOutputItem, Item, MessageItem } from '../wire/items.ts';

interface ToolCall {
  readonly id: string;
  readonly type: 'function';
  readonly function: { readonly name: string; readonly arguments: string };
}

type ChatMessage =
  | { readonly role: 'system' | 'user'; readonly content: string }
  | {
      readonly role: 'assistant';
      readonly content: string | null;
      readonly tool_calls?: readonly ToolCall[];
    }
  | { readonly role: 'tool'; readonly tool_call_id: string; readonly content: string };

export function chatQuestion({ items, session }: Pick<ResponseSnapshot, 'items' | 'session'>): ChatCall {
  const { instructions, max_output_tokens: tokensMax, tool_choice: choice } = session;
  const { parallel_tool_calls: parallel } = session;
  const tools = choice === 'none' ? [] : session.tools.flatMap(toTool);
  const extra =
    tools.length > 0 ? { ...choiceOf(choice), ...(!parallel && { parallel_tool_calls: false }) } : {};
  return {
    messages: toMessages(items, instructions),
    ...(tools.length > 0 && { tools }),
    ...(Object.keys(extra).length > 0 && { extra }),
    ...(tokensMax !== 'inf' && { maxTokens: tokensMax }),
  };
}

/**
 * Models are particular: neighbours of one role are one message, a call is followed by its result at once, a result
 * without its call is left out, and so is what was said and is not known.
 */
function toMessages(items: readonly Item[], instructions: string): readonly ChatMessage[] {
  const messages: ChatMessage[] = [];
  if (instructions.trim() !== '') messages.push({ role: 'system', content: instructions });
  for (let at = 0; at < items.length; at += 1) {
    const item = items[at];
    if (item?.type === 'message') add(messages, item);
    if (item?.type !== 'function_call') continue;
    const calls = [item];
    for (let next = items[at + 1]; next?.type === 'function_call'; next = items[at + 1]) {
      calls.push(next);
      at += 1;
    }
    addCalls(messages, calls, items);
  }
  return messages;
}

function add(messages: ChatMessage[], { role, content }: MessageItem): void {
  const text = content
    .map((part) => ('text' in part ? part.text : (part.transcript ?? '')))
    .filter((part) => part.trim() !== '')
    .join('\n');
  if (text === '') return;
  const last = messages.at(-1);
  const joined = role !== 'system' && last?.role === role && !('tool_calls' in last);
  if (!joined) return void messages.push({ role, content: text });
  messages.pop();
  messages.push({ role, content: `${last.content}\n${text}` });
}

/** Calls that came together are of one message, with what was said before them. */
function addCalls(messages: ChatMessage[], calls: readonly FunctionCallItem[], items: readonly Item[]): void {
  const last = messages.at(-1);
  const said = last?.role === 'assistant' && !last.tool_calls ? last.content : null;
  if (said !== null) messages.pop();
  const toolCalls = calls.map(
    ({ call_id: id, name, arguments: args }): ToolCall => ({
      ...{ id, type: 'function', function: { name, arguments: args } },
    }),
  );
  messages.push({ role: 'assistant', content: said, tool_calls: toolCalls });
  for (const { call_id: id } of calls)
    messages.push({ role: 'tool', tool_call_id: id, content: resultOf(id, items) });
}

function resultOf(callId: string, items: readonly Item[]): string {
  const isResult = (item: Item): item is FunctionCallOutputItem =>
    item.type === 'function_call_output' && item.call_id === callId;
  return items.findLast(isResult)?.output ?? 'There is no result yet.';
}

/** The Realtime wire has flat what chat completions nest. What is no function is nothing that a chat engine knows. */
function toTool(tool: Readonly<Record<string, unknown>>): readonly unknown[] {
  const { type, ...declared } = tool;
  return type === 'function' ? [{ type, function: declared }] : [];
}

function choiceOf(choice: string | Readonly<Record<string, unknown>>): { readonly tool_choice?: unknown } {
  if (choice === 'auto') return {};
  if (typeof choice === 'string' || choice['type'] !== 'function') return { tool_choice: choice };
  return { tool_choice: { type: 'function', function: { name: choice['name'] } } };
}
