/** Computes which rows of a long list are rendered. All rows have the same height. */

/** Rows rendered beyond each edge, so that fast scrolling shows no gap. */
const OVERSCAN = 6;

export interface RowRange {
  start: number;
  /** Exclusive. */
  end: number;
}

export function visibleRange(rowCount: number, rowHeight: number, scrollTop: number, viewportHeight: number): RowRange {
  const start = Math.max(0, Math.floor(scrollTop / rowHeight) - OVERSCAN);
  const end = Math.min(rowCount, Math.ceil((scrollTop + viewportHeight) / rowHeight) + OVERSCAN);
  return { start: Math.min(start, Math.max(0, rowCount - 1)), end };
}

/** The scroll position that shows a row in full, moved as little as possible. */
export function scrollToRow(index: number, rowHeight: number, scrollTop: number, viewportHeight: number): number {
  const top = index * rowHeight;
  if (top < scrollTop) return top;
  if (top + rowHeight > scrollTop + viewportHeight) return top + rowHeight - viewportHeight;
  return scrollTop;
}
