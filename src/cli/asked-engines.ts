// Engines that the command line of `up` asks for beside the embedded ones: `--model FILE.gguf`, `--openai`. As a
// configuration would have them.
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { findConfigFile } from '../config/find.ts';
import { findProgram } from '../engines/process/find-program.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import { findPackage } from './find-package.ts';

export interface AskedOptions {
  readonly config?: string | undefined;
  readonly model?: string | undefined;
  readonly openai?: boolean | undefined;
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Whether a package is there. Default: beside greenroom, or in `cwd`. */
  readonly resolves?: (name: string) => boolean;
}

const llamaPackage = 'node-llama-cpp';

/** By name. Throws `bad_usage`, and `engine_program_missing` when nothing here can run the model. */
export async function askedEngines(options: AskedOptions): Promise<Readonly<Record<string, unknown>>> {
  const { config, model, openai, cwd } = options;
  if (model === undefined && !openai) return {};
  const file = findConfigFile(config, cwd);
  if (file !== undefined) {
    const option = model === undefined ? '--openai' : '--model';
    const engine =
      model === undefined
        ? 'openai: { preset: openai, key: env:OPENAI_API_KEY }'
        : `llm: { preset: llama-server, model: ${JSON.stringify(model)} }`;
    const message = `${option} is for a start without a configuration file, and there is ${file.shown}; write there, under \`engines\`: ${engine}`;
    throw new GreenroomError('bad_usage', message);
  }
  return {
    ...(model !== undefined && { llm: await modelEngine(resolve(cwd, model), options) }),
    ...(openai && { openai: { preset: 'openai', key: 'env:OPENAI_API_KEY' } }),
  };
}

async function modelEngine(
  model: string,
  { cwd, env, resolves = (name) => findPackage(name, cwd) !== undefined }: AskedOptions,
): Promise<Readonly<Record<string, unknown>>> {
  const found = await stat(model).catch(() => undefined);
  if (!found?.isFile()) {
    const what = found ? `${model} is not a file` : `there is no file ${model}`;
    throw new GreenroomError('bad_usage', `--model: ${what}`);
  }
  if (await findProgram('llama-server', env)) return { preset: 'llama-server', model };
  if (resolves(llamaPackage)) return { builtin: 'llama', model };
  const message =
    `--model: nothing here can run ${model}: put \`llama-server\` of llama.cpp on the PATH, ` +
    `or install \`${llamaPackage}\` (\`npm install ${llamaPackage}\`)`;
  throw new GreenroomError('engine_program_missing', message, { details: { model } });
}
