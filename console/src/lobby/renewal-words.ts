// How an engine gets to its next instance, in words. Pure.
import type { Renewal } from '../../../src/engines/renewal.ts';

const ways = {
  beside: 'anew beside the old one',
  in_place: 'anew in its place, its users wait',
  kept: 'kept',
} as const;

export const renewalWords = ({ name, way, why }: Renewal): string =>
  `${name} ${ways[way]}${why === null ? '' : ` (${why})`}`;
