// `greenroom/testing`: what our own tests are made of, usable in anyone's, with vitest, node:test or any other runner.
export { type Fault, type FaultyEngineOptions, faultyEngine } from './faulty-engine.ts';
export { type Breakage, brokenModel } from './gguf/broken-model.ts';
export { type TinyModelOptions, tinyModel } from './gguf/tiny-model.ts';
export { startGateway, type TestGateway, type TestGatewayOptions } from './start-gateway.ts';
export type { UpstreamConnection, UpstreamSocket } from './upstream/connection.ts';
export {
  type ScriptedUpstream,
  type ScriptedUpstreamOptions,
  scriptedUpstream,
} from './upstream/scripted-upstream.ts';
export { VirtualClock } from './virtual-clock.ts';
export type { WatchedControl, WatchedEvent, WatcherMessage } from './watcher/received.ts';
export {
  type Misbehaviour,
  type SlowWatcher,
  type SlowWatcherOptions,
  slowWatcher,
  type WatcherEnd,
} from './watcher/slow-watcher.ts';
