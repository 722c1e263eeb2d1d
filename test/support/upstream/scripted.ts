// The scripted upstream is part of `greenroom/testing`; here by the name that our own tests have for it.
import {
  type ScriptedUpstream as Scripted,
  type ScriptedUpstreamOptions,
  scriptedUpstream,
} from '../../../src/testing/upstream/scripted-upstream.ts';

export type { UpstreamConnection } from '../../../src/testing/upstream/connection.ts';
export type ScriptedUpstream = Scripted;
export type { ScriptedUpstreamOptions };

export const ScriptedUpstream = { start: scriptedUpstream };
