/** Caches the result of `ask` for this time, also for concurrent callers. A failure is not cached. */
export function cachedFor<T>(validForMs: number, ask: () => Promise<T>, now: () => number): () => Promise<T> {
  let cached: { readonly answer: Promise<T>; readonly validUntilMs: number } | undefined;
  return () => {
    const nowMs = now();
    if (cached && nowMs < cached.validUntilMs) return cached.answer;
    const entry = { answer: ask(), validUntilMs: nowMs + validForMs };
    cached = entry;
    entry.answer.catch(() => {
      if (cached === entry) cached = undefined;
    });
    return entry.answer;
  };
}
