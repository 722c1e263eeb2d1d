// `greenroom/client`: talks to a gateway from a browser or from Node. Nothing of the server comes with it.

export type { ErrorCode } from '../lifecycle/codes.ts';
export { GreenroomError } from '../lifecycle/errors.ts';
export type { EvictionFacts, GapFacts, HubEvent } from '../wire/hub.ts';
export type {
  ContentPart,
  FunctionCallItem,
  FunctionCallOutputItem,
  Item,
  ItemStatus,
  MessageItem,
} from '../wire/items.ts';
export type {
  KeepaliveNotice,
  LobbyEngine,
  LobbyNotice,
  Notice,
  PlaybackNotice,
  TaskNotice,
} from '../wire/notices.ts';
export type { ResponseObject, ResponsePart, ServerEvent, Usage, WireError } from '../wire/server-events.ts';
export type {
  AudioFormat,
  G711Format,
  Modality,
  PcmFormat,
  SemanticVad,
  ServerVad,
  SessionConfig,
  TurnDetection,
} from '../wire/session-config.ts';
export { decodeAudio, encodeAudio } from './audio.ts';
export type {
  ClientEvent,
  NewItem,
  ResponseOptions,
  SessionUpdate,
  TurnDetectionUpdate,
} from './client-events.ts';
export { connect } from './connect.ts';
export { RealtimeConnection } from './connection.ts';
export type {
  ClientAudioDropped,
  ClientFault,
  ClientLine,
  ClientState,
  ConnectionEvent,
  EventOf,
  EventType,
  ReceivedEvent,
} from './events.ts';
export { ReceivedHubEvent } from './hub/messages.ts';
export { events } from './hub/open.ts';
export type { EventsOptions } from './hub/options.ts';
export type { NewEvent } from './hub/requests.ts';
export { HubStream } from './hub/stream.ts';
export type { HubTold } from './hub/told.ts';
export type { UnreadLimits } from './hub/unread.ts';
export type { CloseFacts, ConnectionEnd, ConnectionState } from './life-states.ts';
export type { Listener } from './listeners.ts';
export type { ConnectOptions } from './options.ts';
export type { KeepLimits, Said } from './outgoing.ts';
export type { EndCause, ReconnectPolicy } from './retry.ts';
export type { SocketClass, SocketEvent, SocketEventType, SocketLike } from './socket.ts';
