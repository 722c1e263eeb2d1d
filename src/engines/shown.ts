// What an engine says may hold a secret that it was given. It is masked first and cut then, since half a secret is not
// found any more; whoever has to cut before (a host, who cannot mask; a line without end) leaves this much room.

/** No secret is longer: the most that Linux lets a variable of the environment have. */
export const secretCharsMax = 131_072;

export const cutMark = ' …';

/** What has to be there of a text of which `charsMax` are shown. */
export const neededChars = (charsMax: number): number => charsMax + secretCharsMax;

/** The beginning of a text that may have been cut at `neededChars`. */
export function shown(text: string, charsMax: number, mask: (text: string) => string): string {
  const needed = neededChars(charsMax);
  const masked = mask(text.slice(0, needed));
  // The last of what was cut may be the first half of a secret.
  const certain = text.length < needed ? masked.length : Math.max(0, masked.length - secretCharsMax);
  if (certain === masked.length && certain <= charsMax) return masked;
  return masked.slice(0, Math.min(certain, charsMax)) + cutMark;
}
