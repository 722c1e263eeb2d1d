import { expect, test } from 'vitest';
import { certificateHint } from '../../../src/cli/certificate-hint.ts';

const because = (code: string) =>
  new Error('no gateway', {
    cause: new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) }),
  });

test('what is wrong with a certificate is found beneath what failed by it', () => {
  expect(certificateHint(because('DEPTH_ZERO_SELF_SIGNED_CERT'))).toContain('NODE_EXTRA_CA_CERTS');
  expect(certificateHint(because('ERR_TLS_CERT_ALTNAME_INVALID'))).toContain('--url');
});

test('nothing is said of anything else, whatever it is', () => {
  expect([because('ECONNREFUSED'), new Error('none'), undefined, 'text'].map(certificateHint)).toEqual([
    '',
    '',
    '',
    '',
  ]);
  const itself = new Error('round');
  itself.cause = itself;
  expect(certificateHint(itself)).toBe('');
});
