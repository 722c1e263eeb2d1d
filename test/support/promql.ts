// Which metrics and labels a PromQL expression names. No evaluation: enough to say whether a dashboard asks for what there is. Pure.

export interface Asked {
  /** As they stand in the expression: of a histogram with `_bucket`, `_sum` or `_count`. */
  readonly metrics: readonly { readonly name: string; readonly labels: readonly string[] }[];
  /** Of every `by (...)`. */
  readonly by: readonly string[];
}

const words = new Set([
  'by',
  'on',
  'without',
  'ignoring',
  'group_left',
  'group_right',
  'or',
  'and',
  'unless',
  'bool',
  'offset',
]);

export function askedBy(expression: string): Asked {
  const by = [...expression.matchAll(/\bby\s*\(([^)]*)\)/g)].flatMap(([, list = '']) => names(list));
  const plain = expression
    .replace(/\b(?:by|on|without|ignoring)\s*\([^)]*\)/g, ' ')
    .replace(/\[[^\]]*\]/g, ' ');
  const selector = /([a-zA-Z_:][\w:]*)\s*(\{[^}]*\})?(\s*\()?/g;
  const metrics: { name: string; labels: readonly string[] }[] = [];
  for (const [, name = '', labels, call] of plain.matchAll(selector)) {
    if (call !== undefined || words.has(name)) continue;
    metrics.push({
      name,
      labels: [...(labels ?? '').matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label),
    });
  }
  return { metrics, by };
}

const names = (list: string): readonly string[] =>
  list
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean);
