// The paths that engines answer, for the table of routes: what they are, not how they are answered (engine-requests/).
import type { ErrorCode } from '../lifecycle/codes.ts';
import type { ApiSchemaName } from './api-schemas.ts';
import { type EnginePathName, enginePaths } from './engine-requests/engine-paths.ts';
import type { EngineRoute } from './route-table.ts';

interface Words {
  readonly summary: string;
  readonly body: ApiSchemaName;
  readonly answer: ApiSchemaName;
}

const words: Readonly<Record<EnginePathName, Words>> = {
  chat: {
    summary: 'A chat, as OpenAI has it, by an engine that offers `chat`. Waits for it in the lobby.',
    body: 'chatRequest',
    answer: 'answerOrEvents',
  },
  completions: {
    summary: 'A completion, as OpenAI has it, by an engine that offers `chat`.',
    body: 'promptRequest',
    answer: 'answerOrEvents',
  },
  embeddings: {
    summary: 'Vectors for texts, as OpenAI has it, by an engine that offers `embed`.',
    body: 'embeddingRequest',
    answer: 'anything',
  },
  speech: {
    summary: 'Speech, as OpenAI has it, by an engine that offers `speak`.',
    body: 'speechRequest',
    answer: 'audio',
  },
  transcriptions: {
    summary: 'What is said in a file, as OpenAI has it, by an engine that offers `transcribe`.',
    body: 'transcriptionForm',
    answer: 'answerOrEvents',
  },
  generate: {
    summary: 'What follows on a prompt, by an engine that offers `chat`; as a stream, a token an event.',
    body: 'promptRequest',
    answer: 'generation',
  },
  raw: {
    summary: 'Whatever the engine answers there itself, WebSockets too. Waits for it in the lobby.',
    body: 'bytes',
    answer: 'bytes',
  },
};

/** Those of the door, of the lobby, and of an engine that fails. */
const refusals: readonly ErrorCode[] = [
  'invalid_request',
  'body_too_large',
  'server_busy',
  'server_shutdown',
  'engine_busy',
  'engine_not_ready',
  'engine_exited',
  'engine_stalled',
  'engine_call_failed',
  'engine_no_output',
  'engine_call_unsupported',
];

const everyMethod = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

export function engineRoutes(): Record<string, Record<string, EngineRoute>> {
  return Object.fromEntries(
    enginePaths.map(({ name, path, methods }) => {
      const { summary, body, answer } = words[name];
      const route = (method: string): EngineRoute => ({
        ...{ answeredBy: 'engine', surface: name === 'raw' ? 'admin' : 'caller', summary },
        answers: { 200: answer },
        refusals: [...refusals, name === 'raw' ? 'not_found' : 'model_not_found'],
        ...(method !== 'GET' && method !== 'OPTIONS' && { body }),
      });
      return [path, Object.fromEntries((methods ?? everyMethod).map((method) => [method, route(method)]))];
    }),
  );
}
