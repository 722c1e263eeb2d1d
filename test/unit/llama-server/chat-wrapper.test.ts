import { expect, test } from 'vitest';
import { namedTemplates, namedWrapper } from '../../../src/llama-server/chat-wrapper.ts';
import { chatTemplate } from '../../../src/testing/gguf/vocabulary.ts';

test('the template of the tiny models is ChatML by name', () => {
  expect(namedWrapper(chatTemplate)).toBe('chatML');
});

test.each(namedTemplates)('a template is known however its line feeds are written', (template, wrapper) => {
  expect(namedWrapper(template)).toBe(wrapper);
  expect(namedWrapper(template.replaceAll('\\n', '\n'))).toBe(wrapper);
});

test('one that differs in anything has to be tried out', () => {
  expect(namedWrapper(undefined)).toBeUndefined();
  expect(namedWrapper('')).toBeUndefined();
  expect(namedWrapper(chatTemplate.replace("+ '\n' +", "+ '\n\n' +"))).toBeUndefined();
  expect(namedWrapper(`{{ bos_token }}${chatTemplate}`)).toBeUndefined();
});
