/**
 * Calls `open` at the first call and returns the same result to all later calls. If `open` fails, the call fails and
 * the next call tries again.
 */
export function lazy<T>(open: () => Promise<T>): () => Promise<T> {
  let opened: Promise<T> | undefined;
  return () => {
    opened ??= open().catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
}
