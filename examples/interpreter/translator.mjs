// An engine that translates: apertium behind OpenAI's `POST /v1/chat/completions`. The last message of the user is
// translated; its direction stands in the instructions ("Translate from Spanish to English"), else it is the model.
import { randomUUID } from 'node:crypto';
import { needs, Programs, piped } from './programs.mjs';
import { ApiError, json, sendJson, sendStream, serve } from './server.mjs';

needs(['apertium'], 'apt install apertium apertium-eng-spa');

const directions = ['eng-spa', 'spa-eng'];
const codes = { english: 'eng', spanish: 'spa' };

const translation = (direction) => piped('apertium -u "$1"', direction);
const programs = new Programs();
for (const direction of directions) programs.prepare(translation(direction));

async function chat({ body, response, signal }) {
  const { model, messages = [], stream = false } = json(body);
  const text = textOf(messages.findLast(({ role }) => role === 'user'));
  if (text.trim() === '') throw new ApiError(400, 'invalid_request', 'there is no message of a user');
  const direction = directionOf(model, messages);
  const words = decoded(programs.run(translation(direction), text, signal));
  const facts = { id: `chatcmpl-${randomUUID()}`, created: Math.floor(Date.now() / 1000), model: direction };
  if (stream) return sendStream(response, 'text/event-stream', events(facts, words), signal);
  const content = (await Array.fromAsync(words)).join('');
  const choices = [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }];
  return sendJson(response, { object: 'chat.completion', ...facts, choices });
}

async function* events(facts, words) {
  const event = (delta, finish_reason = null) => {
    const choices = [{ index: 0, delta, finish_reason }];
    return `data: ${JSON.stringify({ object: 'chat.completion.chunk', ...facts, choices })}\n\n`;
  };
  for await (const content of words) yield event({ content });
  yield event({}, 'stop');
  yield 'data: [DONE]\n\n';
}

/** A pipe cuts anywhere, also within a letter. What apertium leaves out is a blank more, also at the beginning. */
async function* decoded(chunks) {
  const decoder = new TextDecoder();
  let state = 'beginning';
  for await (const chunk of chunks) {
    const words = decoder.decode(chunk, { stream: true }).replace(/\s+/g, ' ');
    yield state === 'beginning' ? words.trimStart() : words;
    state = 'going on';
  }
}

function textOf(message) {
  const content = message?.content ?? '';
  return typeof content === 'string' ? content : content.map(({ text = '' }) => text).join(' ');
}

function directionOf(model, messages) {
  const instructions = textOf(messages.findLast(({ role }) => role === 'system' || role === 'developer'));
  const [, from, to] = /\bfrom (\w+) (?:in)?to (\w+)/i.exec(instructions) ?? [];
  if (from === undefined) return directions.includes(model) ? model : directions[0];
  const asked = `${codes[from.toLowerCase()]}-${codes[to.toLowerCase()]}`;
  if (directions.includes(asked)) return asked;
  throw new ApiError(400, 'unsupported_direction', `not from ${from} to ${to}: ${directions.join(', ')}`);
}

await serve({
  models: directions,
  answers: { '/v1/chat/completions': chat },
  close: () => programs.close(),
});
