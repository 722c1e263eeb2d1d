// Whether the file can be a model at all, looked at before anything is loaded: what is there in its place is told best
// by its first bytes. Nothing to close.
import { type FileHandle, open } from 'node:fs/promises';

/** Bytes that are enough to tell. */
const headBytes = 64;
/** A header alone has as many. */
const fileBytesMin = 24;

/** Undefined when it may be one; otherwise what is wrong with it, to stand behind its name. */
export async function modelFileProblem(path: string): Promise<string | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    return whyNotOpened(error as NodeJS.ErrnoException);
  }
  try {
    const stat = await file.stat();
    if (stat.isDirectory()) return 'is a folder; name the .gguf file in it';
    if (stat.size === 0) return 'is empty: a download that never began?';
    const { buffer, bytesRead } = await file.read(Buffer.alloc(headBytes), 0, headBytes, 0);
    return headProblem(buffer.subarray(0, bytesRead), stat.size);
  } finally {
    await file.close();
  }
}

function headProblem(head: Buffer, sizeBytes: number): string | undefined {
  const text = head.toString('latin1');
  if (text.startsWith('GGUF'))
    return sizeBytes < fileBytesMin ? `is cut off after ${sizeBytes} bytes: load it again` : undefined;
  if (/^\s*<(?:!doctype|html|\?xml)/i.test(text))
    return 'is a web page and no GGUF file: the download was answered with an error or a sign-in page';
  if (text.startsWith('version https://git-lfs'))
    return 'is a pointer of Git LFS and no GGUF file: fetch the model itself with `git lfs pull`';
  if (/^(?:GGML|ggml|tjgg|lmgg|fmgg)/.test(text))
    return 'is of the format before GGUF, which llama.cpp reads no more: convert it, or get a .gguf';
  return `is no GGUF file: it begins with ${JSON.stringify(text.slice(0, 4))}, not with "GGUF"`;
}

function whyNotOpened({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT') return 'does not exist';
  if (code === 'EACCES') return 'may not be read by this user';
  return message;
}
