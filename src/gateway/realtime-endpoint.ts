// `GET /v1/realtime`: from an upgrade to an open session. Everything that can be refused is refused over HTTP, before
// the connection is accepted.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ServerOptions, WebSocketServer } from 'ws';
import { GreenroomError, toGreenroomError } from '../lifecycle/errors.ts';
import type { PipelineBasics } from '../pipelines/pipeline.ts';
import { nothingWrittenDown } from '../realtime/session-update.ts';
import type { SessionRegistry } from '../sessions/registry.ts';
import type { SessionUpdate } from '../wire/client-schema.ts';
import type { Access } from './access.ts';
import type { PipelineTable } from './pipeline-table.ts';
import { methodNotAllowed, refuseSocket } from './refusal.ts';
import { targetOf } from './request-head.ts';
import { WsTransport } from './ws-transport.ts';

export interface RealtimeEndpointOptions {
  readonly sessions: SessionRegistry;
  readonly pipelines: PipelineTable;
  readonly access: Access;
}

const path = '/v1/realtime';
/** 15 MiB of audio, the most that one append may hold, as base64 and with its JSON around it. */
const frameBytesMax = 21 * 1024 * 1024;
/** `ws` waits this long for the answer to a close frame by itself; sessions end sooner. */
const closeTimeoutMs = 2000;

export class RealtimeEndpoint {
  readonly #options: RealtimeEndpointOptions;
  readonly #server: WebSocketServer;

  constructor(options: RealtimeEndpointOptions) {
    this.#options = options;
    const serverOptions: ServerOptions & { closeTimeout: number } = {
      noServer: true,
      clientTracking: false,
      maxPayload: frameBytesMax,
      perMessageDeflate: false,
      closeTimeout: closeTimeoutMs,
      // Browsers refuse an answer without the subprotocol they offered. Never the one that carries the key.
      handleProtocols: (offered) => (offered.has('realtime') ? 'realtime' : false),
    };
    this.#server = new WebSocketServer(serverOptions);
    this.#server.on('wsClientError', ({ message }, socket, request) =>
      refuseSocket(socket, handshakeProblem(request, message)),
    );
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { pipelines, sessions, access } = this.#options;
    try {
      const refused = access.refusal(request, 'session');
      if (refused) throw refused;
      const target = targetOf(request.url);
      if (target?.pathname !== path) {
        throw new GreenroomError('not_found', `no WebSocket at ${target?.pathname}; there is ${path}`);
      }
      const { searchParams } = target;
      const given = access.clientSecret(request)?.session ?? null;
      const notices = searchParams.get('notices') === '1';
      const conversationId = searchParams.get('conversation_id');
      const principal = access.principal(request);
      // A session keeps its generation to its end: its pipeline may not be in the configuration any more.
      const left = conversationId === null ? undefined : sessions.leftBy(conversationId, principal);
      const pipeline = left ?? pipelines.resolve(searchParams.get('model') ?? given?.model ?? null);
      const preset = left ? null : presetFor(pipeline, given, searchParams.get('intent'));
      this.#server.handleUpgrade(request, socket, head, (webSocket) => {
        const remote = `${request.socket.remoteAddress ?? 'unknown'}:${request.socket.remotePort ?? 0}`;
        void sessions.open({
          transport: new WsTransport(webSocket, socket, remote, frameBytesMax),
          pipeline,
          ...{ notices, preset, conversationId, principal },
          // In the turn of the loop in which it was resolved: no generation is closed in between.
          enter: (session) => pipelines.enter(pipeline, session),
        });
      });
    } catch (thrown) {
      refuseSocket(socket, toGreenroomError(thrown));
    }
  }
}

/** What a session begins with: as the client secret says, and as the kind that the address asks for. */
function presetFor(
  pipeline: PipelineBasics,
  given: SessionUpdate | null,
  intent: string | null,
): SessionUpdate | null {
  if (intent !== null && intent !== 'transcription') {
    const message = `no intent ${JSON.stringify(intent)}: there is \`transcription\`, and none for a conversation`;
    throw new GreenroomError('invalid_request', message);
  }
  const type = intent ?? given?.type ?? 'realtime';
  if (type !== 'transcription') return given;
  if (pipeline.abilities.hears === 'words') return { ...given, type };
  throw new GreenroomError('invalid_request', nothingWrittenDown(pipeline.name));
}

/** Of a WebSocket handshake that `ws` does not take, with its reason. */
function handshakeProblem({ method, headers }: IncomingMessage, reason: string): GreenroomError {
  if (method !== 'GET') return methodNotAllowed(`a WebSocket at ${path}`, ['GET'], method);
  const version = headers['sec-websocket-version'];
  if (version === '13')
    return new GreenroomError('invalid_request', `the WebSocket handshake is not valid: ${reason}`);
  const given = version === undefined ? 'no version' : `version ${JSON.stringify(version)}`;
  return new GreenroomError(
    'upgrade_required',
    `this gateway speaks version 13 of WebSocket, and was asked for ${given}`,
  );
}
