// Engines that do one thing wrong, for the configuration of a test.
import { shippedFile } from '../engines/locate.ts';
import { type FaultyEngineOptions, faults } from './faulty/faults.ts';

export type { Fault, FaultyEngineOptions } from './faulty/faults.ts';

/**
 * A section of `engines:`: an OpenAI-compatible server in a process of its own that offers chat, transcribe, speak and
 * embed, and has the fault that is asked for.
 *
 *     engines: { llm: faultyEngine({ fault: 'dies-mid-stream', tokenMs: 10 }) }
 *
 * @throws RangeError for a fault that there is not
 */
export function faultyEngine(options: FaultyEngineOptions = {}): Readonly<Record<string, unknown>> {
  const { fault = 'none' } = options;
  if (!Object.hasOwn(faults, fault))
    throw new RangeError(
      `there is no fault ${JSON.stringify(fault)}; there are ${Object.keys(faults).join(', ')}`,
    );
  return {
    run: [process.execPath, shippedFile('faulty-engine'), JSON.stringify(options)],
    offers: ['chat', 'transcribe', 'speak', 'embed'],
  };
}
