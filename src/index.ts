// `greenroom`: a gateway in your own process.
export type * from './config/types.ts';
export type {
  Capability,
  ChatPart,
  ChatRequest,
  EmbedRequest,
  EngineModule,
  LoadContext,
  LoadedEngine,
  PcmChunk,
  SpeakRequest,
  TranscribeRequest,
  TranscriptPart,
  VadStream,
} from './engines/contract.ts';
export type { EngineStatus } from './engines/status.ts';
export { Gateway } from './gateway/gateway.ts';
export { type StartOptions, startGateway } from './gateway/start.ts';
export type { ErrorCode } from './lifecycle/codes.ts';
export { type ErrorBody, GreenroomError } from './lifecycle/errors.ts';
export type { TreeNode } from './lifecycle/report.ts';
export type { ShutdownReport } from './lifecycle/shutdown.ts';
