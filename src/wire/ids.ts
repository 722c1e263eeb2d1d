// Ids on the wire: a prefix that says what it is, and 128 random bits, so that an id cannot be guessed.

export type IdPrefix = 'sess' | 'import' | 'conv' | 'item' | 'resp' | 'task' | 'event' | 'call' | 'play';

/** Randomness comes in through this, so that a simulation can count instead. */
export type NewId = (prefix: IdPrefix) => string;

export const randomId: NewId = (prefix) => {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  let hex = '';
  for (const byte of bytes) hex += byte.toString(16).padStart(2, '0');
  return `${prefix}_${hex}`;
};
