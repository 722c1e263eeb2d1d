// An engine that speaks: espeak-ng behind OpenAI's `POST /v1/audio/speech`. `voice` is one of espeak-ng's (`es`,
// `es-419`, `en-us`, ...); OpenAI's own names are Spanish here.
import { needs, Programs } from './programs.mjs';
import { ApiError, json, sendStream, serve } from './server.mjs';

needs(['espeak-ng'], 'apt install espeak-ng');

const defaultVoice = 'es';
const openAiVoices =
  /^(?:default|alloy|ash|ballad|cedar|coral|echo|fable|marin|nova|onyx|sage|shimmer|verse)$/;
const wavHeadBytes = 44;
const rateAt = 24;

const speech = (voice, speed) => {
  const wordsPerMinute = Math.round(175 * speed);
  return ['espeak-ng', '--stdin', '--stdout', '-s', `${wordsPerMinute}`, '-v', voice];
};
const programs = new Programs();
programs.prepare(speech(defaultVoice, 1));

async function speak({ body, response, signal }) {
  const { input = '', voice = 'default', speed = 1, response_format: format = 'wav' } = json(body);
  if (String(input).trim() === '') throw new ApiError(400, 'invalid_request', '`input` is empty');
  const name = openAiVoices.test(voice) ? defaultVoice : voice;
  if (!/^[a-z]{2,3}(?:-[a-z0-9]+)*$/.test(name))
    throw new ApiError(400, 'unknown_voice', `no voice ${voice}; espeak-ng --voices lists them`);
  if (!(speed >= 0.25 && speed <= 4)) throw new ApiError(400, 'invalid_request', '`speed` is 0.25 to 4');
  const wav = programs.run(speech(name, speed), input, signal);
  if (format === 'wav') return sendStream(response, 'audio/wav', wav, signal);
  if (format !== 'pcm')
    throw new ApiError(400, 'unsupported_format', `no response_format ${format}: wav or pcm`);
  const { rate, samples } = await pcmOf(wav);
  return sendStream(response, `audio/pcm;rate=${rate}`, samples, signal);
}

/** The samples behind the head that espeak-ng writes, and their rate. */
async function pcmOf(wav) {
  let head = Buffer.alloc(0);
  while (head.length < wavHeadBytes) {
    const { value, done } = await wav.next();
    if (done) throw new Error('espeak-ng wrote no WAV');
    head = Buffer.concat([head, value]);
  }
  const samples = (async function* () {
    yield head.subarray(wavHeadBytes);
    yield* wav;
  })();
  return { rate: head.readUInt32LE(rateAt), samples };
}

await serve({ models: ['espeak-ng'], answers: { '/v1/audio/speech': speak }, close: () => programs.close() });
