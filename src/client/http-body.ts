// The beginning of an HTTP answer, as text: an answer comes from whoever holds the port, and may be of any length.

const bytesMax = 256 * 1024;

/** Ends the transfer when it has enough. */
export async function readStart(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  if (!reader) return '';
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return text + decoder.decode();
    text += decoder.decode(value, { stream: true });
    bytes += value.byteLength;
    if (bytes < bytesMax) continue;
    await reader.cancel();
    return text;
  }
}
