// What a file is by its first bytes, as far as a model's file may be something else: an error page of a download, a
// pointer, an archive. Pure.

/** So many bytes are enough. */
export const headBytes = 512;

export interface FormatFound {
  readonly format: 'gguf' | 'other';
  /** `an HTML page`. */
  readonly what: string;
  /** What to do about it. */
  readonly next: string;
}

/** @param head the first bytes of a file that is not empty */
export function formatOf(head: Buffer): FormatFound {
  for (const { begins, what, next } of magics)
    if (head.subarray(0, begins.length).equals(begins)) return other(what, next);
  if (head.subarray(0, 4).toString('latin1') === 'GGUF') return ggufOf(head);
  if (isSafetensors(head)) return other('a safetensors file', convert);
  const text = head
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .trimStart();
  for (const { pattern, what, next } of texts) if (pattern.test(text)) return other(what, next);
  if (head.every((byte) => byte === 0))
    return other('zeros alone: a download that has not come so far', again);
  const bytes = [...head.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return other(`something that begins with ${bytes}`, 'name a GGUF file');
}

const again = 'download it again';
const convert = 'convert it, or download the GGUF of this model';
const unpack = 'unpack it';

const magics = [
  magic('504b0304', 'a zip archive, as PyTorch writes its checkpoints', convert),
  magic('1f8b', 'a gzip archive', unpack),
  magic('28b52ffd', 'a zstd archive', unpack),
  magic('425a68', 'a bzip2 archive', unpack),
  magic('fd377a585a', 'an xz archive', unpack),
  magic('377abcaf', 'a 7z archive', unpack),
  magic('7f454c46', 'a program', 'name a GGUF file'),
  ...['lmgg', 'fmgg', 'tjgg', 'algg'].map((text) =>
    magic(Buffer.from(text).toString('hex'), 'a GGML file from before GGUF', convert),
  ),
];

const texts = [
  { pattern: /^<(?:!doctype html|html|head|body)\b/i, what: 'an HTML page', next: again },
  {
    pattern: /^version https:\/\/git-lfs\./,
    what: 'a git-lfs pointer, not the file itself',
    next: 'run `git lfs pull`',
  },
  { pattern: /^<\?xml\b|^<Error>/, what: 'an XML text', next: again },
  { pattern: /^[{[]\s*["{}[\]]/, what: 'a JSON text', next: again },
];

function magic(hex: string, what: string, next: string) {
  return { begins: Buffer.from(hex, 'hex'), what, next };
}

const other = (what: string, next: string): FormatFound => ({ format: 'other', what, next });

/** Magic, version, numbers of tensors and of keys. */
const ggufHeadBytes = 24;

function ggufOf(head: Buffer): FormatFound {
  if (head.length < ggufHeadBytes) return other(`the first ${head.length} bytes of a GGUF file`, again);
  const version = head.readUInt32LE(4);
  if (version > 0xffff) return other('a GGUF file for machines of the other byte order', convert);
  return { format: 'gguf', what: `a GGUF file, version ${version}`, next: '' };
}

/** The length of the header, then the header: JSON. */
function isSafetensors(head: Buffer): boolean {
  if (head.length < 10 || head[8] !== 0x7b) return false;
  const length = head.readBigUInt64LE(0);
  return length > 1n && length < 100_000_000n;
}
