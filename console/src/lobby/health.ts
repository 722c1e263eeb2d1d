// How the gateway itself is: asked once a second while somebody looks.
import { signal } from '@preact/signals';
import { ask } from '../live/api.ts';

export interface Health {
  readonly status: 'starting' | 'healthy' | 'overloaded' | 'shutting_down' | 'failed';
  readonly version: string;
  readonly pid: number;
  readonly uptime_ms: number;
  readonly sessions: { readonly open: number; readonly max: number };
  readonly loop_delay_ms: {
    readonly p50: number;
    readonly p99: number;
    readonly max: number;
    readonly stalls: number;
  };
}

interface Memory {
  readonly gateway: { readonly pid: number; readonly bytes: number | null };
  readonly engines: readonly { readonly name: string; readonly bytes: number | null }[];
}

export const health = signal<Health | null>(null);
export const memory = signal<Memory | null>(null);

export async function askHealth(): Promise<void> {
  health.value = await ask<Health>('/v1/health');
}

export async function askMemory(): Promise<void> {
  memory.value = await ask<Memory>('/api/memory');
}
