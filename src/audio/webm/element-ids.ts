// The elements of Matroska that we know (RFC 9559, 5.1), with the marker of their ids.

export const elementIds = {
  ebml: 0x1a45dfa3,
  segment: 0x18538067,
  info: 0x1549a966,
  tracks: 0x1654ae6b,
  trackEntry: 0xae,
  trackNumber: 0xd7,
  trackType: 0x83,
  codecId: 0x86,
  codecPrivate: 0x63a2,
  contentEncodings: 0x6d80,
  cluster: 0x1f43b675,
  timestamp: 0xe7,
  simpleBlock: 0xa3,
  blockGroup: 0xa0,
  block: 0xa1,
  discardPadding: 0x75a2,
} as const;

const names = new Map<number, string>([
  [elementIds.ebml, 'the EBML header'],
  [elementIds.info, 'Info'],
  [elementIds.tracks, 'Tracks'],
  [elementIds.timestamp, 'Timestamp'],
  [elementIds.simpleBlock, 'a SimpleBlock'],
  [elementIds.blockGroup, 'a BlockGroup'],
  [0xec, 'Void'],
  [0xbf, 'CRC-32'],
  [0xab, 'PrevSize'],
  [0xaf, 'EncryptedBlock'],
  [0x5854, 'SilentTracks'],
  [0xa7, 'Position'],
  [0x114d9b74, 'SeekHead'],
  [0x1c53bb6b, 'Cues'],
  [0x1941a469, 'Attachments'],
  [0x1043a770, 'Chapters'],
  [0x1254c367, 'Tags'],
]);

/** Undefined: what stands beside blocks and clusters has no such element. */
export const nameOf = (id: number): string | undefined => names.get(id);
