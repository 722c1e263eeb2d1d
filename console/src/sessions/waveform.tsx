// The shape of one side of a recording, with its player: what is clicked at is heard.
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Track } from '../../../src/recordings/facts.ts';
import { Peaks } from './peaks.ts';
import { readShape, type Shape } from './read-shape.ts';

export interface WaveformProps {
  readonly label: string;
  readonly url: string;
  readonly track: Track;
}

const places = 600;
const heightPx = 56;
/** Beyond that only the player knows it. */
const longestMs = 20 * 60_000;

export function Waveform({ label, url, track }: WaveformProps) {
  const { samples, durationMs, container } = track;
  const canvas = useRef<HTMLCanvasElement>(null);
  const audio = useRef<HTMLAudioElement>(null);
  const peaks = useSignal<Shape | null>(null);
  const tooLong = durationMs > longestMs;
  useEffect(() => {
    if (tooLong) return;
    const leaving = new AbortController();
    const read: Shape = new Peaks(places, samples);
    peaks.value = read;
    const again = () => draw(canvas.current, read, progressOf(audio.current));
    void readShape(read, { url, container, signal: leaving.signal, told: again });
    const dark = matchMedia('(prefers-color-scheme: dark)');
    dark.addEventListener('change', again);
    return () => {
      leaving.abort();
      dark.removeEventListener('change', again);
    };
  }, [url, samples]);
  const seek = (event: MouseEvent) => {
    const { current } = audio;
    if (!current) return;
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    current.currentTime = ((event.clientX - box.left) / box.width) * (durationMs / 1000);
    void current.play();
  };
  const moved = () => {
    if (peaks.value) draw(canvas.current, peaks.value, progressOf(audio.current));
  };
  return (
    <figure class="waveform">
      <figcaption class="dim">{label}</figcaption>
      {!tooLong && (
        // biome-ignore lint/a11y: the player below does the same for the keyboard and says it in words.
        <canvas ref={canvas} width={places} height={heightPx} aria-hidden="true" onClick={seek} />
      )}
      {/* biome-ignore lint/a11y/useMediaCaption: what was said stands above, as text. */}
      <audio
        ref={audio}
        controls
        preload="none"
        src={url}
        aria-label={`play ${label}`}
        onTimeUpdate={moved}
        onSeeked={moved}
      />
    </figure>
  );
}

function progressOf(audio: HTMLAudioElement | null): number {
  return audio && audio.duration > 0 && Number.isFinite(audio.duration)
    ? audio.currentTime / audio.duration
    : 0;
}

function draw(canvas: HTMLCanvasElement | null, peaks: Shape, heard: number): void {
  const context = canvas?.getContext('2d');
  if (!canvas || !context) return;
  const style = getComputedStyle(canvas);
  const colours = { heard: style.getPropertyValue('--accent'), rest: style.getPropertyValue('--dim') };
  context.clearRect(0, 0, canvas.width, canvas.height);
  peaks.values.forEach((value, place) => {
    const half = Math.max(0.5, (value * heightPx) / 2);
    context.fillStyle = place < heard * peaks.values.length ? colours.heard : colours.rest;
    context.fillRect(place, heightPx / 2 - half, 0.8, half * 2);
  });
}
