// What may hear a session: every event that its caller sends, when it is handled, and every one that it tells, also while
// its caller is away; what a caller that comes back is told again is not among them. A tape
// only takes note, in the same turn of the loop and without waiting; what becomes of it is its owner's (recordings/).
import type { StreamPlace } from '../audio/webm/demuxer.ts';
import type { CloseReason } from '../lifecycle/reasons.ts';
import type { RecordingNotice } from '../wire/notices.ts';
import type { WireText } from '../wire/text-frame.ts';

export interface Tape {
  /** The session is set up, and tells its caller next. @param wanted what it begins with, where that is said */
  begin(wanted: boolean | undefined): void;
  /**
   * An event of the caller's, as it came.
   * @param place where its stream of WebM is, before this event; undefined: it sends none, or is at its beginning
   */
  heard(text: WireText, place?: () => StreamPlace | undefined): void;
  /** An event to the caller, as it goes, or would if somebody were there. */
  told(text: WireText): void;
  /** What the caller wants of it; how that stands is told in a notice. */
  ask(on: boolean): void;
  /** Nothing more comes. Not waited for. */
  end(reason: CloseReason): void;
}

/** What a tape knows of its session. */
export interface TapeSession {
  readonly id: string;
  /** Its name. */
  readonly pipeline: string;
  /** When an input format is in effect: as soon as it is asked for (an upstream takes it in order), or when it is told. */
  readonly formats: 'asked' | 'told';
  /** Tells the caller, if it asked for notices. */
  readonly notice: (notice: RecordingNotice) => void;
}

export type OpenTape = (session: TapeSession) => Tape;
