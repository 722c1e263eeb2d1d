// Whether an engine's answer says anything at all: an answer without a word is a fault, never an empty 200. Pure; what
// it does not know it takes for something.

interface Choice {
  readonly text?: unknown;
  readonly delta?: unknown;
  readonly message?: unknown;
}

/** Of an answer as a whole, or of one chunk of it: `choices` as OpenAI has them. */
export function choicesSaySomething(answer: unknown): boolean {
  const { choices } = (answer ?? {}) as { choices?: unknown };
  return Array.isArray(choices) && choices.some(saysSomething);
}

/** `data` of a list of embeddings. */
export function listHasSomething(answer: unknown): boolean {
  const { data } = (answer ?? {}) as { data?: unknown };
  return !Array.isArray(data) || data.length > 0;
}

function saysSomething(choice: unknown): boolean {
  if (typeof choice !== 'object' || choice === null) return false;
  const { text, delta, message } = choice as Choice;
  if (isSomething(text)) return true;
  const said = { ...asObject(message), ...asObject(delta) };
  // Content, a refusal, reasoning, calls of tools, audio: whatever it is, but for who says it.
  return Object.entries(said).some(([name, value]) => name !== 'role' && isSomething(value));
}

function isSomething(value: unknown): boolean {
  if (typeof value === 'string' || Array.isArray(value)) return value.length > 0;
  return typeof value === 'object' && value !== null && Object.keys(value).length > 0;
}

const asObject = (value: unknown): object => (typeof value === 'object' && value !== null ? value : {});
