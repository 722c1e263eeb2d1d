// A long list of which only what can be seen is drawn. Its rows have one height; the keyboard moves through them.
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

export interface VirtualListProps {
  readonly label: string;
  readonly count: number;
  readonly rowPx: number;
  readonly keyOf: (at: number) => string | number;
  readonly row: (at: number) => ComponentChildren;
  /** Default `listbox`. */
  readonly form?: 'listbox' | 'tree';
  /** What else its element says of a row. */
  readonly item?: (at: number) => Readonly<Record<string, string | number | boolean>>;
  /** Undefined: none. */
  readonly chosen?: number | undefined;
  readonly onChoose?: (at: number) => void;
  /** A key that does not move. */
  readonly onKey?: (key: string, at: number) => void;
  readonly onScroll?: (place: 'top' | 'within') => void;
  /** How many rows can be seen. */
  readonly onRows?: (rows: number) => void;
}

const beyond = 6;

export function VirtualList(props: VirtualListProps) {
  const { label, count, rowPx, keyOf, row, chosen, onChoose, onScroll, onRows } = props;
  const { form = 'listbox', item, onKey } = props;
  const box = useRef<HTMLDivElement>(null);
  const top = useSignal(0);
  const heightPx = useSignal(400);
  useEffect(() => {
    const { current: at } = box;
    if (!at) return;
    const sized = new ResizeObserver(() => {
      heightPx.value = at.clientHeight;
      onRows?.(Math.floor(at.clientHeight / rowPx));
    });
    sized.observe(at);
    return () => sized.disconnect();
  }, [rowPx]);
  const first = Math.max(0, Math.min(count, Math.floor(top.value / rowPx)) - beyond);
  const last = Math.min(count, Math.ceil((top.value + heightPx.value) / rowPx) + beyond);
  const choose = (at: number) => {
    const { current } = box;
    if (!current || at < 0 || at >= count) return;
    onChoose?.(at);
    const y = at * rowPx;
    if (y < current.scrollTop) current.scrollTop = y;
    else if (y + rowPx > current.scrollTop + current.clientHeight)
      current.scrollTop = y + rowPx - current.clientHeight;
  };
  const key = (event: KeyboardEvent) => {
    const page = Math.max(1, Math.floor(heightPx.value / rowPx) - 1);
    const at = chosen ?? -1;
    const to = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: count - 1,
    }[event.key];
    if (to === undefined) {
      if (chosen !== undefined && chosen < count) onKey?.(event.key, chosen);
      return;
    }
    event.preventDefault();
    choose(Math.max(0, Math.min(count - 1, to)));
  };
  const idOf = (at: number) => `${label.replaceAll(/\W+/g, '-')}-${keyOf(at)}`;
  const chosenId = chosen !== undefined && chosen < count ? { 'aria-activedescendant': idOf(chosen) } : {};
  return (
    // biome-ignore lint/a11y: its role is one of two.
    <div
      class="virtual"
      ref={box}
      role={form}
      aria-label={label}
      tabIndex={0}
      {...chosenId}
      onKeyDown={key}
      onScroll={({ currentTarget }) => {
        top.value = currentTarget.scrollTop;
        onScroll?.(currentTarget.scrollTop < rowPx ? 'top' : 'within');
      }}
    >
      <div class="virtual-all" style={{ height: `${count * rowPx}px` }}>
        {Array.from({ length: Math.max(0, last - first) }, (_, n) => first + n).map((at) => (
          // biome-ignore lint/a11y: its role is one of two, and the list has the keys for all of its rows.
          <div
            key={keyOf(at)}
            id={idOf(at)}
            class="virtual-row"
            role={form === 'tree' ? 'treeitem' : 'option'}
            {...item?.(at)}
            tabIndex={-1}
            aria-selected={at === chosen}
            style={{ top: `${at * rowPx}px`, height: `${rowPx}px` }}
            onClick={() => choose(at)}
          >
            {row(at)}
          </div>
        ))}
      </div>
    </div>
  );
}
