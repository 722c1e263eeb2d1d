// The voices of the built-in flite: what a configuration may name, and what the engine takes. Imports nothing.

/** As compiled in. The sixth, `awb_time`, is left out: it can only tell the time. */
export const fliteVoices = ['slt', 'rms', 'awb', 'kal16', 'kal'] as const;
export type FliteVoice = (typeof fliteVoices)[number];

/** OpenAI's names, which its clients have to give: each stands for the one of ours that comes nearest. */
const standIns: Readonly<Record<string, FliteVoice>> = {
  ...{ alloy: 'slt', coral: 'slt', marin: 'slt', nova: 'slt', sage: 'slt', shimmer: 'slt' },
  ...{ ash: 'rms', ballad: 'awb', cedar: 'rms', echo: 'rms', fable: 'awb', onyx: 'rms', verse: 'rms' },
};

/** Every name that it takes. */
export const fliteVoiceNames: readonly string[] = [...fliteVoices, ...Object.keys(standIns)];

/** Undefined for a name that none of them has. */
export function fliteVoice(name: unknown): FliteVoice | undefined {
  if (typeof name !== 'string') return undefined;
  return (
    fliteVoices.find((voice) => voice === name) ??
    (Object.hasOwn(standIns, name) ? standIns[name] : undefined)
  );
}
