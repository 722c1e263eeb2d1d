// `npm run bench -- NAME [NAME...]`: one benchmark per promise, each with a named alternative in the same run. Ctrl+C
// ends it like a failure does: what it has started and written goes with it.
import { readdirSync } from 'node:fs';
import { Workbench } from './workbench.ts';

const own = ['run', 'measure', 'workbench'];
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
  const asked = Promise.withResolvers<'asked'>();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => asked.resolve('asked'));
  for (const name of wanted) {
    const { run } = (await import(`./${name}.ts`)) as { run: (bench: Workbench) => Promise<void> };
    if ((await ended(run)) === 'asked') process.exit(130);
  }

  async function ended(run: (bench: Workbench) => Promise<void>): Promise<'asked' | undefined> {
    await using bench = await Workbench.open();
    return (await Promise.race([run(bench), asked.promise])) ?? undefined;
  }
}
