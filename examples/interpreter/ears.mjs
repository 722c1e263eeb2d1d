// An engine that hears English: pocketsphinx behind OpenAI's `POST /v1/audio/transcriptions`.
import { needs, Programs, piped } from './programs.mjs';
import { ApiError, form, sendJson, serve } from './server.mjs';

needs(['sox', 'pocketsphinx_batch'], 'apt install sox pocketsphinx pocketsphinx-en-us');

// Any WAV in, at whatever rate; out comes a line: `what was said (/dev/stdin -5416)`.
const listen = piped(
  'sox -q -t wav - -t raw -r 16000 -c 1 -b 16 -e signed - | ' +
    "pocketsphinx_batch -adcin yes -cepext '' -ctl <(echo /dev/stdin) -hyp /dev/stdout",
);
const programs = new Programs();
programs.prepare(listen);

async function transcribe({ body, type, response, signal }) {
  const fields = await form(body, type);
  const wav = await wavOf(fields.get('file'));
  const language = String(fields.get('language') ?? 'en');
  if (!language.startsWith('en')) throw new ApiError(400, 'unsupported_language', `no ${language}: en alone`);
  const format = fields.get('response_format') ?? 'json';
  if (format !== 'json' && format !== 'text')
    throw new ApiError(400, 'unsupported_format', `no response_format ${format}: json or text`);
  const lines = await Array.fromAsync(programs.run(listen, wav, signal));
  const heard = /^(.*) \(\/dev\/stdin -?\d+\)$/m.exec(Buffer.concat(lines).toString('utf8'));
  if (!heard) throw new Error('pocketsphinx wrote no line of what it has heard');
  const text = heard[1].trim();
  if (format === 'json') return sendJson(response, { text });
  return response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end(text);
}

async function wavOf(file) {
  const bytes = file instanceof Blob ? Buffer.from(await file.arrayBuffer()) : Buffer.alloc(0);
  if (bytes.toString('latin1', 0, 4) === 'RIFF') return bytes;
  throw new ApiError(400, 'invalid_file', '`file` is no WAV');
}

await serve({
  models: ['pocketsphinx-en-us'],
  answers: { '/v1/audio/transcriptions': transcribe },
  close: () => programs.close(),
});
