/**
 * Rows that one export holds at most, of all lists together: with some 400 bytes each, 16 MB. An answer that is sent whole
 * may have 32 (Cloud Run's limit for HTTP/1), and two of them must fit into the function's memory.
 */
const MOST_ROWS = 40_000;

/** Counts the rows of an export, of all its lists together, as they are read one by one. */
export interface RowLimit {
  /** Adds to `list` as many of `rows`, described, as the limit still allows; no more are read. */
  fill<T, R>(list: R[], rows: AsyncIterable<T>, describe: (row: T) => R): Promise<R[]>;
  /** Whether rows had to be left out. */
  readonly isExceeded: () => boolean;
}

export function openRowLimit(mostRows = MOST_ROWS): RowLimit {
  let left = mostRows;
  let hasLeftOut = false;
  return {
    async fill(list, rows, describe) {
      for await (const row of rows) {
        if (left === 0) {
          hasLeftOut = true;
          break;
        }
        left -= 1;
        list.push(describe(row));
      }
      return list;
    },
    isExceeded: () => hasLeftOut,
  };
}
