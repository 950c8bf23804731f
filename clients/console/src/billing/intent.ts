interface Intent {
  readonly order: string;
  readonly key: string;
}

/**
 * Creates idempotency keys for purchases. An order that is retried keeps its key until `done` is called. A different
 * order gets a new key.
 */
export function createIntents(newKey: () => string) {
  let latest: Intent | undefined;
  return {
    keyOf(order: object): string {
      const text = JSON.stringify(order);
      if (latest?.order !== text) latest = { order: text, key: newKey() };
      return latest.key;
    },
    done(): void {
      latest = undefined;
    },
  };
}
