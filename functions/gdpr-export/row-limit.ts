/**
 * Most rows of one export, over all its lists. At about 400 bytes each, they take 16 MB. Cloud Run allows 32 MB for an
 * HTTP/1 response that is not streamed, and two exports must fit into the function's memory.
 */
const MOST_ROWS = 40_000;

/** Counts the rows of an export, over all its lists, as they are read. */
export interface RowLimit {
  /** Converts `rows` with `describe` and adds them to `list`. Stops reading at the limit. */
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
