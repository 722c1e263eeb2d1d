// How a conversation is written for a model. node-llama-cpp finds the writer that fits by trying them all on the
// template of the model, which holds the loop for 130 to 600 ms; a template that is word for word one of these needs no
// trying.

/** As node-llama-cpp names them in `chatWrappers`. */
export type NamedWrapper = 'chatML';

const roleAndContent = `{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}`;
const begin = `{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}`;

export const namedTemplates: readonly (readonly [template: string, wrapper: NamedWrapper])[] = [
  [`{% for message in messages %}${roleAndContent}{% endfor %}${begin}`, 'chatML'],
  [
    `{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}` +
      `{% for message in messages %}${roleAndContent}{% endfor %}${begin}`,
    'chatML',
  ],
];

const known = new Map(namedTemplates.map(([template, wrapper]) => [plain(template), wrapper]));

/** Undefined: it has to be tried out. */
export function namedWrapper(template: string | undefined): NamedWrapper | undefined {
  return template === undefined ? undefined : known.get(plain(template));
}

/** Line feeds are written as they are, or escaped. */
function plain(template: string): string {
  return template.replaceAll('\\n', '\n').trim();
}
