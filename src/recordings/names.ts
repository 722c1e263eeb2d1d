// The names of a recording: `SESSION/TAKE`, which are folders as well. What comes from outside is taken apart by these
// rules before it is part of any path, so that it cannot lead out of the folder. Pure.
import { join } from 'node:path';

export interface TakeName {
  readonly session: string;
  /** From 1. */
  readonly take: number;
}

export const parts = ['caller', 'assistant'] as const;
export type Part = (typeof parts)[number];

/** Of a take's folder. Nothing else in it is ours. */
export const fileNames = {
  caller: 'raw_stream.wav',
  assistant: 'assistant.wav',
  events: 'events.jsonl',
  metadata: 'metadata.json',
  /** Until it takes the place of the one before. */
  newMetadata: 'metadata.json.new',
} as const;

export type Container = 'wav' | 'webm';

/** Of one take. */
export const callerPiecesMax = 200;

/** `raw_stream.webm`, and where the caller changed its format or began anew, `raw_stream.2.wav` and so on. */
export function callerFile(number: number, container: Container): string {
  return number === 1 ? `raw_stream.${container}` : `raw_stream.${number}.${container}`;
}

/** Whether a file of a take is one of the caller's. */
export const isCallerFile = (name: string): boolean =>
  /^raw_stream(?:\.[1-9][0-9]{0,2})?\.(?:wav|webm)$/.test(name);

/** Letters, digits, - and _ alone: no dot, no slash, no NUL, nothing to be decoded. */
const sessionPattern = /^[A-Za-z0-9][A-Za-z0-9_-]{0,95}$/;
/** One way to write each. */
const takePattern = /^[1-9][0-9]{0,8}$/;

export const isSessionName = (name: string): boolean => sessionPattern.test(name);

/** Undefined for what is no name of a recording. */
export function takeName(session: string, take: string): TakeName | undefined {
  if (!isSessionName(session) || !takePattern.test(take)) return undefined;
  return { session, take: Number(take) };
}

export const takeId = ({ session, take }: TakeName): string => `${session}/${take}`;

export const takeFolder = (root: string, { session, take }: TakeName): string =>
  join(root, session, String(take));
