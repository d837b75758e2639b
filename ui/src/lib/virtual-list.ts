/** Which rows of a long list are drawn. Rows have one height, so this is arithmetic. */

/** How many rows are drawn above and below what is seen, so that a quick scroll shows no gap. */
const OVERSCAN = 6;

export interface Slice {
  first: number;
  /** One past the last. */
  end: number;
}

export function sliceOf(rows: number, rowHeight: number, scrollTop: number, height: number): Slice {
  const first = Math.max(0, Math.floor(scrollTop / rowHeight) - OVERSCAN);
  const end = Math.min(rows, Math.ceil((scrollTop + height) / rowHeight) + OVERSCAN);
  return { first: Math.min(first, Math.max(0, rows - 1)), end };
}

/** Where to scroll so that a row is seen whole; the place itself when it is already. */
export function scrollTo(index: number, rowHeight: number, scrollTop: number, height: number): number {
  const top = index * rowHeight;
  if (top < scrollTop) return top;
  if (top + rowHeight > scrollTop + height) return top + rowHeight - height;
  return scrollTop;
}
