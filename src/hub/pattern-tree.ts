// Many patterns at once: what a topic costs is its tokens, not the patterns. Whoever asks for hundreds of them must not
// hold up everybody else.

interface Node {
  readonly next: Map<string, Node>;
  star: Node | undefined;
  /** One or more tokens may follow. */
  rest: boolean;
  /** A pattern ends here. */
  end: boolean;
}

const newNode = (): Node => ({ next: new Map(), star: undefined, rest: false, end: false });

export class PatternTree {
  readonly #root = newNode();

  constructor(patterns: Iterable<string>) {
    for (const pattern of patterns) this.#add(pattern.split('.'));
  }

  matches(tokens: readonly string[]): boolean {
    return walk(this.#root, tokens, 0);
  }

  #add(tokens: readonly string[]): void {
    let node = this.#root;
    for (const token of tokens) {
      if (token === '>') {
        node.rest = true;
        return;
      }
      node = token === '*' ? starOf(node) : nextOf(node, token);
    }
    node.end = true;
  }
}

function walk(node: Node, tokens: readonly string[], at: number): boolean {
  const token = tokens[at];
  if (token === undefined) return node.end;
  if (node.rest) return true;
  const next = node.next.get(token);
  if (next && walk(next, tokens, at + 1)) return true;
  return node.star !== undefined && walk(node.star, tokens, at + 1);
}

function starOf(node: Node): Node {
  node.star ??= newNode();
  return node.star;
}

function nextOf(node: Node, token: string): Node {
  const known = node.next.get(token);
  if (known) return known;
  const made = newNode();
  node.next.set(token, made);
  return made;
}
