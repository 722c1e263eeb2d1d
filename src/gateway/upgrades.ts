// Who takes a connection that asks to become a WebSocket: sessions at once, everything else when it is there.
import type { DoorHandlers } from './door.ts';
import type { RealtimeEndpoint } from './realtime-endpoint.ts';
import { isForSurface } from './request-head.ts';
import type { Surface } from './surface.ts';

export function upgrades(realtime: RealtimeEndpoint, surface: Promise<Surface>): DoorHandlers['upgrade'] {
  return (request, socket, head) => {
    if (!isForSurface(request)) return realtime.upgrade(request, socket, head);
    void surface.then(({ engines, events }) => {
      const taken = engines.upgrade(request, socket, head) || events.upgrade(request, socket, head);
      if (!taken) realtime.upgrade(request, socket, head);
    });
  };
}
