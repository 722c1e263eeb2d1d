// The types of a source file as they stand there, with their comments, for people who read no source. Pure.

/** Interfaces and type aliases, without `export` and `readonly`, in their order; `only`: those names. */
export function declarations(source: string, only?: readonly string[]): string {
  const lines = source.split('\n');
  const found: string[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    const [, kind, name = ''] = /^(?:export )?(interface|type) (\w+)/.exec(lines[at] ?? '') ?? [];
    if (!kind || (only && !only.includes(name))) continue;
    let end = at;
    while (end < lines.length && !ends(kind, lines[end] ?? '', end === at)) end += 1;
    found.push([...commentAbove(lines, at), ...lines.slice(at, end + 1)].join('\n'));
    at = end;
  }
  return found
    .join('\n\n')
    .replaceAll(/\breadonly (?=[\w'`[(])/g, '')
    .replaceAll(/^export /gm, '');
}

function ends(kind: string, line: string, first: boolean): boolean {
  if (kind === 'interface') return line === '}' || (first && line.endsWith('}'));
  const indent = /^ */.exec(line)?.[0].length ?? 0;
  return line.endsWith(';') && (indent <= 2 || /^ {4}\}/.test(line));
}

function commentAbove(lines: readonly string[], at: number): readonly string[] {
  const above = lines[at - 1] ?? '';
  if (/^\/\*\*.*\*\/$/.test(above)) return [above];
  if (above !== ' */') return [];
  let from = at - 1;
  while (from > 0 && !lines[from]?.startsWith('/**')) from -= 1;
  return lines.slice(from, at);
}
