interface Intent {
  readonly request: string;
  readonly key: string;
}

/**
 * Creates idempotency keys. A request that is retried keeps its key until `done` is called. A different request gets a new
 * key.
 */
export function createIntents(newKey: () => string) {
  let latest: Intent | undefined;
  return {
    keyOf(request: object): string {
      const text = JSON.stringify(request);
      if (latest?.request !== text) latest = { request: text, key: newKey() };
      return latest.key;
    },
    done(): void {
      latest = undefined;
    },
  };
}
