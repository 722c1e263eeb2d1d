// What a stream asks of its gateway: publications and subscriptions, and what becomes of them when the connection goes.
import { describe, expect, test } from 'vitest';
import { events } from '../../../../src/client/index.ts';
import { until } from '../../../support/poll.ts';
import { fakeHub, type HubBehaviour } from './fake-hub.ts';
import { failureOf, kinds, soon, watched } from './watching.ts';

describe.each(kinds)('over %s', (_name, options) => {
  test('publishes with an id for an answer, and the code of a refusal', async () => {
    await using hub = await fakeHub({
      onRequest(request, watcher) {
        if (request.type !== 'publish') return;
        const { ref = '' } = request;
        if (request.topic === 'greenroom.x')
          watcher.control({ type: 'error', code: 'topic_reserved', message: 'no', ref });
        else watcher.control({ type: 'published', id: 'one.77', ref });
      },
      onPost: ({ body }) =>
        body.includes('greenroom.x')
          ? {
              status: 400,
              body: { accepted: 0, id: null, rejected: [{ line: 1, code: 'topic_reserved', message: 'no' }] },
            }
          : { status: 200, body: { accepted: 1, id: 'one.77', rejected: [] } },
    });
    await using stream = events(hub.url, options);
    // Kept until there is a connection.
    expect(await stream.publish({ topic: 'a', key: 'k', data: { n: 1 } })).toBe('one.77');
    expect(await stream.publish({ data: { machine_name: 'm' } })).toBe('one.77');
    expect((await failureOf(stream.publish({ topic: 'greenroom.x', data: 1 }))).code).toBe('topic_reserved');
    expect((await failureOf(stream.publish({ data: 'x'.repeat(2 ** 20) }))).code).toBe('event_too_large');
    expect(() => stream.publish({ data: undefined })).toThrow('data: expected what JSON can say');
    expect(() => stream.publish({ key: 'k', data: 1 })).toThrow('event.key: needs a topic');
    if (options.transport === 'sse') {
      const [first, second] = hub.posts;
      expect([first?.url.search, first?.body]).toEqual(['', '{"topic":"a","key":"k","data":{"n":1}}']);
      expect([second?.url.search, second?.body]).toEqual(['?raw=1', '{"machine_name":"m"}']);
    } else {
      expect(hub.watchers[0]?.received[0]).toEqual({
        ...{ type: 'publish', ref: 'publish_1', topic: 'a', key: 'k', data: { n: 1 } },
      });
    }
    await stream.close();
    expect((await failureOf(stream.publish({ data: 1 }))).code).toBe('scope_closed');
  });

  test('subscriptions are answered in order, and outlive the connection', async () => {
    const answers: HubBehaviour['onRequest'] = (request, watcher) => {
      if (request.type === 'subscribe' && request.topics[0] === 'no')
        watcher.control({ type: 'error', code: 'topic_not_allowed', message: 'not yours' });
      else if (request.type === 'subscribe' || request.type === 'unsubscribe')
        watcher.control({ type: `${request.type}d`, topics: request.topics, head: 'one.0' });
    };
    await using hub = await fakeHub({ onRequest: answers });
    await using stream = events(hub.url, { ...options, topics: ['a'] });
    await stream.subscribe(['b', 'c']);
    expect((await failureOf(stream.subscribe(['no']))).code).toBe('topic_not_allowed');
    await stream.unsubscribe(['a']);
    expect(stream.topics).toEqual(['b', 'c']);
    expect(() => stream.unsubscribe(['b', 'c'])).toThrow('no topic would be left');
    hub.watchers[0]?.cut();
    expect((await watched(hub, 2)).query.get('topics')).toBe('b,c');
  });

  test('an answer that the connection did not outlive: a subscription is asked again, a publication is unknown', async () => {
    let state: 'deaf' | 'hears' = 'deaf';
    await using hub = await fakeHub({
      onRequest(request, watcher) {
        if (state === 'hears' && request.type === 'subscribe')
          watcher.control({ type: 'subscribed', topics: request.topics, head: 'one.0' });
      },
      onPost: () => new Promise(() => undefined),
    });
    await using stream = events(hub.url, options);
    await until(() => stream.client, { ...soon, what: 'the welcome' });
    const [publishing, subscribing] = [stream.publish({ data: 1 }), stream.subscribe(['b'])];
    await until(() => hub.watchers[0]?.received.some(({ type }) => type === 'subscribe'), {
      ...{ ...soon, what: 'the subscription' },
    });
    state = 'hears';
    hub.watchers[0]?.cut();
    const error = await failureOf(publishing);
    expect([error.code, error.message]).toEqual(['gateway_unreachable', expect.stringContaining('or not')]);
    await subscribing;
    expect(hub.watchers[1]?.received.map(({ type }) => type)).toEqual(['subscribe']);
  });
});
