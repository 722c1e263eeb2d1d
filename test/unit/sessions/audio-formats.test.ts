// A session whose caller speaks and listens in formats of its own: durations and positions are those of real time.
import { expect, test } from 'vitest';
import { type Coding, StreamDecoder, StreamEncoder } from '../../../src/audio/coding.ts';
import { bytesToPcm } from '../../../src/audio/pcm.ts';
import { systemClock, turn } from '../../../src/lifecycle/clock.ts';
import { FakePipeline } from '../../support/fake-pipeline.ts';
import { MemoryTransport } from '../../support/memory-transport.ts';
import { SessionWorld, type SessionWorldOptions } from '../../support/session-world.ts';
import { whyNotUnderstood } from '../wire/agents-schema.ts';

const pcm = (rate: number) => ({ type: 'audio/pcm', rate });
const pcmu = { type: 'audio/pcmu' };
const pcma = { type: 'audio/pcma' };
const formats = [8000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000]
  .map(pcm)
  .concat(pcmu as never, pcma as never);
const named = formats.map((format) => [`${format.type} ${format.rate ?? ''}`, format] as const);
type Format = { readonly type: string; readonly rate?: number };

const codingOf = ({ type, rate }: Format): Coding =>
  type === 'audio/pcm'
    ? { law: 'linear', rateHz: rate ?? 0 }
    : { law: type === 'audio/pcmu' ? 'ulaw' : 'alaw', rateHz: 8000 };
const bytesASecond = (format: Format) =>
  codingOf(format).rateHz * (codingOf(format).law === 'linear' ? 2 : 1);

/** Of 24 kHz. */
const tone = (ms: number) =>
  Int16Array.from({ length: ms * 24 }, (_, index) => Math.round(12_000 * Math.sin(index / 9)));
function coded(sound: Int16Array, format: Format): Buffer {
  const encoder = new StreamEncoder(24_000, codingOf(format));
  return Buffer.concat([encoder.push(sound), encoder.flush()]);
}
function heard(bytes: Buffer, format: Format): Int16Array {
  const decoder = new StreamDecoder(codingOf(format), 24_000);
  const all = [decoder.push(bytes), decoder.flush()];
  return Int16Array.from(all.flatMap((part) => [...part]));
}
const settle = () => turn(systemClock);

class Call {
  readonly world: SessionWorld;
  readonly transport = new MemoryTransport();
  readonly pipeline: FakePipeline;

  private constructor(pipeline: FakePipeline, options: SessionWorldOptions) {
    this.pipeline = pipeline;
    this.world = new SessionWorld(options);
  }

  static async begin(
    pipeline = new FakePipeline(undefined, 'ready'),
    options: SessionWorldOptions = {},
  ): Promise<Call> {
    const call = new Call(pipeline, options);
    await call.world.registry.open({ transport: call.transport, pipeline, notices: false });
    await settle();
    return call;
  }

  says(...events: object[]): void {
    for (const event of events) this.transport.says(event);
  }

  update(audio: object): void {
    this.says({ type: 'session.update', session: { audio } });
  }

  /** Push to talk in a format. */
  speaksIn(format: Format): void {
    this.update({ input: { format, turn_detection: null } });
  }

  append(bytes: Uint8Array, pieceBytes = bytes.length): void {
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      const audio = Buffer.from(bytes.subarray(at, at + pieceBytes)).toString('base64');
      this.says({ type: 'input_audio_buffer.append', audio });
    }
  }

  /** Whatever is still to be done, is done. */
  async done(): Promise<void> {
    await this.world.clock.advance(1);
  }

  get lastItem(): string {
    const ids = this.transport.all('conversation.item.added').map(({ item }) => (item as { id: string }).id);
    return ids.at(-1) ?? 'none';
  }

  async retrieve(): Promise<Buffer> {
    await this.done();
    this.says({ type: 'conversation.item.retrieve', item_id: this.lastItem });
    await this.done();
    const [item] = this.transport
      .all('conversation.item.retrieved')
      .slice(-1)
      .map(({ item }) => item);
    const { content } = item as { content: { audio?: string }[] };
    return Buffer.from(content.find(({ audio }) => audio)?.audio ?? '', 'base64');
  }

  /** Every delta of the last answer. */
  get deltas(): readonly Buffer[] {
    return this.transport
      .all('response.output_audio.delta')
      .map(({ delta }) => Buffer.from(String(delta), 'base64'));
  }

  /** What was sent can be read by a strict client; nothing is left behind. */
  async ends(): Promise<void> {
    for (const event of this.transport.sent) expect(whyNotUnderstood(event as never)).toBeNull();
    this.transport.gone();
    await settle();
    await this.world.clock.advance(200_000);
    this.world.expectNothingLeft(this.pipeline);
  }
}

function likeness(one: Int16Array, other: Int16Array): number {
  let [product, mine, theirs] = [0, 0, 0];
  for (let at = 0; at < Math.min(one.length, other.length); at++) {
    product += (one[at] ?? 0) * (other[at] ?? 0);
    mine += (one[at] ?? 0) ** 2;
    theirs += (other[at] ?? 0) ** 2;
  }
  return product / Math.sqrt(mine * theirs);
}

test.each(named)(
  'what is said in %s, cut anywhere, lasts as long and sounds the same',
  async (_name, format) => {
    const call = await Call.begin();
    call.speaksIn(format);
    expect(call.transport.all('session.updated').at(-1)).toMatchObject({
      session: { audio: { input: { format } } },
    });
    const bytes = coded(tone(1000), format);
    call.append(bytes, 321);
    call.says({ type: 'input_audio_buffer.commit' });
    await call.done();
    // It is shown in the format that it was said in ...
    const shown = await call.retrieve();
    expect(shown.length).toBe(bytes.length);
    expect(likeness(heard(shown, format), tone(1000))).toBeGreaterThan(0.999);
    // ... and in the one that is in effect, if that is another.
    call.speaksIn(pcm(24_000));
    const inside = bytesToPcm(await call.retrieve());
    expect(inside.length).toBe(24_000);
    expect(likeness(inside, tone(1000))).toBeGreaterThan(0.999);
    await call.ends();
  },
);

test('the least that can be committed is 100 ms in every format, to the sample', async () => {
  for (const format of formats) {
    const call = await Call.begin();
    call.speaksIn(format);
    const bytes = coded(tone(100), format);
    const sampleBytes = codingOf(format).law === 'linear' ? 2 : 1;
    // Three samples are more than a rounding.
    call.append(bytes.subarray(3 * sampleBytes));
    call.says({ type: 'input_audio_buffer.commit' });
    await call.done();
    expect(call.transport.all('error')).toMatchObject([
      { error: { code: 'input_audio_buffer_commit_empty' } },
    ]);
    call.append(bytes.subarray(0, 3 * sampleBytes));
    call.says({ type: 'input_audio_buffer.commit' });
    await call.done();
    expect(call.transport.all('input_audio_buffer.committed')).toHaveLength(1);
    await call.ends();
  }
});

test('a format that changes in mid-stream holds for what comes after; nothing of what came is lost', async () => {
  const call = await Call.begin();
  call.speaksIn(pcmu);
  call.append(coded(tone(500), pcmu), 160);
  call.speaksIn(pcm(16_000));
  call.append(coded(tone(300), pcm(16_000)), 333);
  call.speaksIn(pcm(24_000));
  call.append(coded(tone(200), pcm(24_000)), 4800);
  call.says({ type: 'input_audio_buffer.commit' });
  const whole = bytesToPcm(await call.retrieve());
  expect(whole.length).toBe(24_000);
  expect(likeness(whole.subarray(0, 12_000), tone(500))).toBeGreaterThan(0.998);
  expect(likeness(whole.subarray(12_000, 19_200), tone(300))).toBeGreaterThan(0.998);
  expect(whole.subarray(19_200)).toEqual(tone(200));
  await call.ends();
});

test('half a sample waits for its other half over a commit, and is forgotten with a clear and a new format', async () => {
  const call = await Call.begin();
  const format = pcm(16_000);
  call.speaksIn(format);
  const bytes = coded(tone(400), format);
  call.append(bytes.subarray(0, 6401));
  call.says({ type: 'input_audio_buffer.commit' });
  call.append(bytes.subarray(6401));
  call.says({ type: 'input_audio_buffer.commit' });
  expect(heard(await call.retrieve(), format).length).toBe(4800);
  for (const forget of [{ type: 'input_audio_buffer.clear' }, 'a new format'] as const) {
    call.append(Uint8Array.of(1));
    if (forget === 'a new format') call.speaksIn(pcm(24_000));
    else call.says(forget);
    call.speaksIn(format);
    call.append(bytes.subarray(0, 6400));
    call.says({ type: 'input_audio_buffer.commit' });
    expect(likeness(heard(await call.retrieve(), format), tone(200))).toBeGreaterThan(0.998);
  }
  await call.ends();
});

test('speech begins and ends at the same moments in every format', async () => {
  for (const format of formats) {
    const pipeline = new FakePipeline(undefined, 'ready');
    // From 640 to 1600 ms; what is played does not matter.
    pipeline.speech = (frame) => (frame >= 20 && frame < 50 ? 1 : 0);
    const call = await Call.begin(pipeline);
    call.update({ input: { format } });
    call.append(coded(tone(3000), format), Math.round(bytesASecond(format) / 50));
    await call.done();
    expect(call.transport.all('input_audio_buffer.speech_started')).toMatchObject([{ audio_start_ms: 340 }]);
    expect(call.transport.all('input_audio_buffer.speech_stopped')).toMatchObject([{ audio_end_ms: 2100 }]);
    await call.ends();
  }
});

test.each(named)(
  'an answer in %s lasts as long as what was made, and no delta is empty',
  async (_name, format) => {
    const pipeline = new FakePipeline(undefined, 'ready');
    const sound = tone(1003);
    // Also pieces that are less than a resampler needs to see.
    const cuts = [0, 1, 8, 60, 61, 9000, 20_000, sound.length];
    pipeline.chunks = cuts.length - 1;
    pipeline.pcm = (chunk) => sound.subarray(cuts[chunk], cuts[chunk + 1]);
    const call = await Call.begin(pipeline);
    call.update({ output: { format } });
    call.says({ type: 'response.create' });
    await call.done();
    expect(call.transport.all('response.done')).toMatchObject([
      { response: { status: 'completed', audio: { output: { format } } } },
    ]);
    expect(call.deltas.every(({ length }) => length > 0)).toBe(true);
    const all = Buffer.concat(call.deltas);
    expect(all.length).toBe(coded(sound, format).length);
    expect(likeness(heard(all, format), sound)).toBeGreaterThan(0.999);
    call.says({
      type: 'conversation.item.truncate',
      item_id: call.lastItem,
      content_index: 0,
      audio_end_ms: 9999,
    });
    expect(call.transport.all('conversation.item.truncated')).toMatchObject([{ audio_end_ms: 1003 }]);
    await call.ends();
  },
);

test('one answer may come in a format of its own, and what it makes before it fails arrives whole', async () => {
  const pipeline = new FakePipeline(async (step) => {
    if (step === 'chunk' && sent++ === 2) throw new Error('broke');
  }, 'ready');
  let sent = 0;
  const call = await Call.begin(pipeline);
  call.says({ type: 'response.create', response: { audio: { output: { format: pcma } } } });
  await call.done();
  expect(call.transport.all('response.done')).toMatchObject([
    { response: { status: 'failed', audio: { output: { format: pcma } } } },
  ]);
  // Two chunks of 20 ms.
  expect(Buffer.concat(call.deltas).length).toBe(320);
  expect(call.world.faults.splice(0)).toHaveLength(1);
  await call.ends();
});

test('audio that a client puts into an item is in the input format', async () => {
  const call = await Call.begin();
  call.speaksIn(pcma);
  const content = [
    { type: 'input_text', text: 'hear this' },
    { type: 'input_audio', audio: coded(tone(3000), pcma).toString('base64') },
  ];
  call.says({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content } });
  await call.done();
  call.speaksIn(pcm(24_000));
  const inside = bytesToPcm(await call.retrieve());
  expect(inside.length).toBe(72_000);
  expect(likeness(inside, tone(3000))).toBeGreaterThan(0.999);
  await call.ends();
});

test('early audio is bounded by what it is inside: thirty seconds, however few bytes they are on the wire', async () => {
  const call = await Call.begin(new FakePipeline());
  call.speaksIn(pcmu);
  for (let seconds = 0; seconds < 40; seconds += 10) call.append(coded(tone(10_000), pcmu));
  call.says({ type: 'input_audio_buffer.commit' });
  await call.done();
  expect(call.transport.all('error')).toMatchObject([
    { error: { code: 'lobby_audio_dropped', message: expect.stringContaining('the last 30.0 s') } },
  ]);
  expect((await call.retrieve()).length).toBe(240_000);
  await call.ends();
});

test('more than five and a half minutes in one piece is refused by name, appended or in an item', async () => {
  const call = await Call.begin();
  call.speaksIn(pcmu);
  const audio = Buffer.alloc(8000 * 328).toString('base64');
  const content = [{ type: 'input_audio', audio }];
  call.says(
    { type: 'input_audio_buffer.append', audio, event_id: 'a' },
    {
      type: 'conversation.item.create',
      item: { type: 'message', role: 'user', content },
      event_id: 'c',
    },
  );
  const refused = { code: 'invalid_value', message: 'the audio is over 2621440 bytes' };
  expect(call.transport.all('error')).toMatchObject([
    { error: { ...refused, param: 'audio', event_id: 'a' } },
    { error: { ...refused, param: 'item.content.0.audio', event_id: 'c' } },
  ]);
  expect(call.transport.all('conversation.item.added')).toEqual([]);
  await call.ends();
});

test('audio that takes long to convert does not hold the others, and what its caller sends after it waits its turn', async () => {
  const call = await Call.begin();
  const other = new MemoryTransport();
  await call.world.registry.open({ transport: other, pipeline: call.pipeline, notices: false });
  call.speaksIn(pcmu);
  call.append(coded(tone(20_000), pcmu));
  call.says({ type: 'input_audio_buffer.commit' }, { type: 'input_audio_buffer.clear' });
  expect(call.transport.all('input_audio_buffer.committed')).toEqual([]);
  other.says({ type: 'input_audio_buffer.clear' });
  expect(other.all('input_audio_buffer.cleared')).toHaveLength(1);
  await call.done();
  expect(call.transport.reading).toBe('on');
  expect(call.transport.sent.slice(-4).map(({ type }) => type)).toEqual([
    'input_audio_buffer.committed',
    'conversation.item.added',
    'conversation.item.done',
    'input_audio_buffer.cleared',
  ]);
  // So is a long retrieval.
  call.says(
    { type: 'conversation.item.retrieve', item_id: call.lastItem },
    { type: 'input_audio_buffer.clear' },
  );
  expect(call.transport.all('conversation.item.retrieved')).toEqual([]);
  await call.done();
  expect(call.transport.sent.slice(-2).map(({ type }) => type)).toEqual([
    'conversation.item.retrieved',
    'input_audio_buffer.cleared',
  ]);
  other.gone();
  await call.ends();
});

test('a caller that leaves while its audio is converted leaves nothing', async () => {
  const call = await Call.begin();
  call.speaksIn(pcmu);
  call.append(coded(tone(20_000), pcmu));
  await call.ends();
});
