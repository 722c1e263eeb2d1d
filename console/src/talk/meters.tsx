// How loud it is, here and there: drawn each frame, past the rest of the page.
import { useEffect, useRef } from 'preact/hooks';
import type { Call } from './call.ts';

export function Meters({ call }: { readonly call: Call }) {
  const microphone = useRef<HTMLMeterElement>(null);
  const playback = useRef<HTMLMeterElement>(null);
  useEffect(() => {
    let frame = 0;
    const draw = () => {
      const levels = call.levels();
      if (microphone.current) microphone.current.value = levels.microphone;
      if (playback.current) playback.current.value = levels.playback;
      frame = requestAnimationFrame(draw);
    };
    draw();
    return () => cancelAnimationFrame(frame);
  }, [call]);
  return (
    <div class="meters">
      <label>
        microphone
        <meter ref={microphone} min={0} max={1} />
      </label>
      <label>
        playback
        <meter ref={playback} min={0} max={1} />
      </label>
    </div>
  );
}
