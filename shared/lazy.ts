/**
 * What `open` gives, opened by the first call and shared by all that follow. Where opening fails, so does the call, and
 * the next one opens again.
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
