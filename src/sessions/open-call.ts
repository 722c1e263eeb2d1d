// Sets a call up in its scope: what its pipeline opens, and the session that talks to the caller. What fails half-way is
// released with the scope.
import { BridgePipeline } from '../pipelines/bridge.ts';
import type { Pipeline } from '../pipelines/pipeline.ts';
import type { Call } from './call.ts';
import { Session } from './session.ts';
import type { SessionOptions } from './session-options.ts';

/** Every kind of pipeline that a session can have. */
export type AnyPipeline = Pipeline | BridgePipeline;

export type CallOptions = Omit<SessionOptions, 'pipeline' | 'pipelineSession'>;

export async function openCall(pipeline: AnyPipeline, options: CallOptions): Promise<Call> {
  const { scope } = options;
  if (pipeline instanceof BridgePipeline) {
    // Loaded with the first call that needs it: the door opens sooner without.
    const { BridgedSession } = await import('./bridged-session.ts');
    scope.defer('engines in use', pipeline.hold());
    return new BridgedSession({ ...options, pipeline });
  }
  const pipelineSession = await scope.acquire(
    'pipeline session',
    () => pipeline.open(scope),
    (opened) => opened.close(),
  );
  return new Session({ ...options, pipeline, pipelineSession });
}
