// Loads a model, telling how far it is. What goes wrong is told with the name of the file and llama.cpp's own reason.
import type { Llama, LlamaContextSequence, LlamaModel } from 'node-llama-cpp';
import { messageOf } from '../lifecycle/errors.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { LlamaServerOptions } from './arguments.ts';
import { namedWrapper } from './chat-wrapper.ts';
import type { LanguageModel } from './language-model.ts';
import type { LlamaLog } from './llama-log.ts';
import { LlamaLanguageModel } from './llama-model.ts';
import type { LoadProgress } from './load-progress.ts';
import { modelFileProblem } from './model-file.ts';
import { importNodeLlama, type NodeLlama } from './node-llama.ts';

export interface LoadOptions {
  readonly options: LlamaServerOptions;
  /** Gets what has to be released. */
  readonly scope: Scope;
  readonly progress: LoadProgress;
  readonly log: LlamaLog;
  /** Cores there are: no more threads than these, whatever node-llama-cpp would take. */
  readonly cores: number;
}

/** Of node-llama-cpp: what went wrong stands in the log of llama.cpp alone. */
const noReason = /^Failed to (?:load|create) \w+\.?$/i;

/** Throws an Error whose message is for people. */
export async function loadModel(load: LoadOptions): Promise<LanguageModel> {
  const { options, progress, log } = load;
  const problem = await modelFileProblem(options.model);
  if (problem) throw new Error(`model ${options.model} ${problem}`);
  progress.tell(0.01, 'importing node-llama-cpp');
  const nodeLlama = await importNodeLlama();
  try {
    return await loadWith(nodeLlama, load);
  } catch (error) {
    const said = messageOf(error);
    const reason = noReason.test(said) ? await log.whyFailed(load.scope.clock) : said;
    throw new Error(`model ${options.model} cannot be loaded: ${reason ?? said}`, { cause: error });
  }
}

async function loadWith(nodeLlama: NodeLlama, load: LoadOptions): Promise<LanguageModel> {
  const { options, progress, scope } = load;
  progress.tell(0.03, 'starting llama.cpp');
  const llama = await startLlama(nodeLlama, load);
  scope.defer('llama.cpp', () => llama.dispose());
  const model = await llama.loadModel({
    modelPath: options.model,
    onLoadProgress: progress.part(0.06, 0.92, 'loading the model'),
  });
  progress.tell(0.93, 'making the context');
  const contextTokens = Math.min(options.contextTokens, model.trainContextSize);
  const { parallel: sequences, threads } = options;
  const context = await model.createContext({ contextSize: contextTokens, sequences, threads });
  progress.tell(0.97, 'preparing its chat template');
  const wrapper = wrapperFor(nodeLlama, model);
  const lanes = Array.from({ length: sequences }, () => laneOf(nodeLlama, context.getSequence(), wrapper));
  const facts = { contextTokens, trainedTokens: model.trainContextSize, sizeBytes: model.size };
  return new LlamaLanguageModel({ model, wrapper, lanes, facts, threads });
}

function startLlama(
  { getLlama, LlamaLogLevel }: NodeLlama,
  { options, log, cores }: LoadOptions,
): Promise<Llama> {
  return getLlama({
    gpu: options.gpu,
    maxThreads: cores,
    // What fits is installed, or it is not: a server does not begin to compile.
    build: 'never',
    logLevel: LlamaLogLevel.warn,
    logger: log.take,
    progressLogs: false,
  });
}

function wrapperFor({ chatWrappers, resolveChatWrapper }: NodeLlama, model: LlamaModel) {
  const named = namedWrapper(model.fileInfo.metadata.tokenizer?.chat_template);
  return named ? new chatWrappers[named]() : resolveChatWrapper(model);
}

function laneOf(
  { LlamaChat, LlamaCompletion }: NodeLlama,
  sequence: LlamaContextSequence,
  chatWrapper: ReturnType<typeof wrapperFor>,
) {
  return {
    sequence,
    chat: new LlamaChat({ contextSequence: sequence, chatWrapper }),
    completion: new LlamaCompletion({ contextSequence: sequence }),
  };
}
