// Recordings of a cascade, played back: who was heard and answered, as the events of a call tell.
import type { Caller, WireEvent } from './caller.ts';
import type { GatewayAsked } from './gateway-process.ts';
import { until } from './poll.ts';

export interface Played {
  readonly id: string;
  readonly sessionId: string;
  readonly state: string;
  readonly positionMs: number;
  readonly durationMs: number;
  readonly message: string;
}

export function play(gateway: GatewayAsked, body: object) {
  return gateway.json('/api/playback/start', { method: 'POST', body: JSON.stringify(body) });
}

export function stopPlaying(gateway: GatewayAsked, body: object = {}) {
  return gateway.json('/api/playback/stop', { method: 'POST', body: JSON.stringify(body) });
}

export async function playing(gateway: GatewayAsked): Promise<readonly Played[]> {
  return ((await gateway.json('/api/playback')).body as { data: readonly Played[] }).data;
}

/** Once it has ended. */
export function played(gateway: GatewayAsked, id: string, timeoutMs = 40_000): Promise<Played> {
  return until(
    async () => {
      const one = (await gateway.json(`/api/playback/${id}`)).body as Played;
      return one.state === 'playing' ? undefined : one;
    },
    { timeoutMs, what: `the end of playback ${id}` },
  );
}

/** What was said and answered, in the order of its coming, by who and in which words. */
export function conversation(events: readonly WireEvent[]): readonly string[] {
  const lines = new Map<string, string>();
  for (const event of events) {
    const item = event['item'] as { readonly id: string; readonly role?: string } | undefined;
    if (event.type === 'conversation.item.added' && item) lines.set(item.id, `${item.role}:`);
    if (event.type === 'conversation.item.input_audio_transcription.completed')
      lines.set(String(event['item_id']), `user: ${event['transcript']}`);
    if (event.type === 'response.output_audio_transcript.done')
      lines.set(String(event['item_id']), `assistant: ${event['transcript']}`);
  }
  return [...lines.values()];
}

export function notices(caller: Caller, state?: string): readonly WireEvent[] {
  return caller.all('greenroom.playback').filter((one) => state === undefined || one['state'] === state);
}
