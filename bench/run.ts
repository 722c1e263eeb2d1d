// `npm run bench -- NAME [NAME...]`: one benchmark per promise, each with a named alternative in the same run.
import { readdirSync } from 'node:fs';

const own = ['run', 'measure'];
const names = readdirSync(new URL('.', import.meta.url))
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -3))
  .filter((name) => !own.includes(name));

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !names.includes(name));
if (wanted.length === 0 || unknown.length > 0) {
  console.error(
    `${unknown.length > 0 ? `no such benchmark: ${unknown.join(', ')}; ` : ''}there are ${names.join(', ')}`,
  );
  process.exitCode = 2;
} else {
  for (const name of wanted) {
    const { run } = (await import(`./${name}.ts`)) as { run: () => Promise<void> };
    await run();
  }
}
