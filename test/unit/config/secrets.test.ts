import { inspect } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Secret, SecretRegistry } from '../../../src/config/secrets.ts';

function registryOf(...values: string[]): SecretRegistry {
  const registry = new SecretRegistry();
  for (const value of values) registry.add(new Secret(value, 'env:TOKEN'));
  return registry;
}

test('a secret shows itself as *** wherever it is printed, and is had by reveal() alone', () => {
  const secret = new Secret('hunter22', 'env:TOKEN');
  const printed = [
    String(secret),
    `${secret}`,
    JSON.stringify({ secret }),
    inspect({ secret }, { showHidden: true, depth: 9 }),
    JSON.stringify(structuredClone({ ...secret })),
    JSON.stringify(Object.entries(secret)),
  ];
  expect(printed.join('\n')).not.toContain('hunter22');
  expect(inspect(secret)).toBe('***');
  expect(secret.reveal()).toBe('hunter22');
});

test('every known secret is masked in any text, in the forms it takes in JSON and URLs too', () => {
  const registry = registryOf('pa"ss/wörd', 'plain-token');
  const text = `a plain-token, plain-token; ${JSON.stringify('pa"ss/wörd')} ?t=${encodeURIComponent('pa"ss/wörd')}`;
  expect(registry.mask(text)).toBe('a ***, ***; "***" ?t=***');
});

test('a secret that begins with another one leaves no tail', () => {
  expect(registryOf('token', 'token-of-admin').mask('token-of-admin token')).toBe('*** ***');
});

test('a secret too short to be one masks nothing', () => {
  expect(registryOf('', 'a', 'abc').mask('abracadabra abc')).toBe('abracadabra abc');
});

test('secrets that are added later are masked from then on', () => {
  const registry = registryOf('first-one');
  expect(registry.mask('first-one second-one')).toBe('*** second-one');
  registry.add(new Secret('second-one', 'env:B'));
  expect(registry.mask('first-one second-one')).toBe('*** ***');
});

test('no masked text holds a secret, whatever characters it is made of', () => {
  const secrets = fc.array(
    fc.string({ minLength: 4, maxLength: 8, unit: fc.constantFrom(...'ab$^.*\\"/ é') }),
    { maxLength: 4 },
  );
  fc.assert(
    fc.property(secrets, fc.array(fc.string({ maxLength: 5 })), (values, parts) => {
      const text = parts
        .flatMap((part, index) => [part, values[index % (values.length || 1)] ?? ''])
        .join(' ');
      const between = registryOf(...values)
        .mask(text)
        .split('***');
      for (const value of values) expect(between.filter((part) => part.includes(value))).toEqual([]);
    }),
  );
});

test('a secret of several lines is masked line by line too, but for lines that stand everywhere', () => {
  const key = '-----BEGIN KEY-----\nMHcCAQEEIHh0\n}\n-----END KEY-----';
  const registry = registryOf(key);
  expect(registry.mask(`got ${key}.`)).toBe('got ***.');
  expect(registry.mask('MHcCAQEEIHh0\n{ a: 1 }\n')).toBe('***\n{ a: 1 }\n');
});
