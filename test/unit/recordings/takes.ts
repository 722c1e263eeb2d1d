// Facts of takes, for tests that need some.
import type { TakeFacts } from '../../../src/recordings/facts.ts';
import { trackOf } from '../../../src/recordings/track.ts';

export function factsOf(session: string, take: number): TakeFacts {
  return {
    ...{ id: `${session}/${take}`, session, take, pipeline: 'default' },
    ...{ state: 'finished', reason: 'client_left', error: null, startedAtMs: 1000, endedAtMs: 2000 },
    ...{ caller: trackOf('caller', 44, []), assistant: trackOf('assistant', 44, []) },
    ...{ source: 'session', callerMore: [] },
    ...{ events: 0, bytes: 88, version: '0.1.0' },
  };
}
