/**
 * Most rows of one export, over all its lists: at about 400 bytes each, 16 MB. An answer that is not streamed can have
 * 32 (Cloud Run's limit for HTTP/1), and two of them must fit into the function's memory.
 */
const MOST_ROWS = 40_000;

/** Counts the rows of an export, over all its lists, as they are read. */
export interface RowLimit {
  /** Adds each of `rows`, as `describe` returns it, to `list`. Stops reading at the limit. */
  fill<T, R>(list: R[], rows: AsyncIterable<T>, describe: (row: T) => R): Promise<R[]>;
  /** Whether rows were left out. */
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
