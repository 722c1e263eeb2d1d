// What `greenroom play` shows: how far it is, what is heard and answered, and the exit code that this amounts to.
import type { PlaybackNotice } from '../../wire/notices.ts';
import { TalkReport } from '../talk/report.ts';
import type { PlaybackShown } from './api.ts';

export class PlayReport extends TalkReport {
  notified(notice: PlaybackNotice): void {
    const { id, state, position_ms: positionMs, duration_ms: durationMs, message, event } = notice;
    if (!event) return this.playback({ id, state, positionMs, durationMs, message });
    // Of the recorded session: a line each.
    this.tell({ event: 'shown', positionMs, shown: event }, `${positionMs} ms: ${event['type']}`);
  }

  playback({ id, state, positionMs, durationMs, message }: PlaybackShown): void {
    const at = `${(positionMs / 1000).toFixed(1)} of ${(durationMs / 1000).toFixed(1)} s`;
    this.tell(
      { event: 'playback', id, state, positionMs, durationMs, message },
      state === 'playing' ? `playing: ${at}` : `${state} at ${at}: ${message}`,
    );
    if (state === 'failed' || state === 'stopped') this.fault(1);
  }
}
