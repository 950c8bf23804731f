/** Runs `work` for each item, at most `bound` at a time. Throws the first fault, after all started work has ended. */
export async function inParallel<T>(
  items: readonly T[],
  bound: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) await work(item);
  };
  const ended = await Promise.allSettled(Array.from({ length: bound }, worker));
  for (const end of ended) if (end.status === 'rejected') throw end.reason;
}
