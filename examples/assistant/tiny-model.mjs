// Writes the model of tiny.yaml: `node tiny-model.mjs [FILE [TEXT]]`. It says its text, whatever it is asked.
import { writeFileSync } from 'node:fs';
import { tinyModel } from 'greenroom/testing';

const [file = 'tiny.gguf', text = 'Good day. I am a very small model.'] = process.argv.slice(2);
writeFileSync(file, tinyModel({ behaviour: { kind: 'says', text } }));
