interface Intent {
  readonly order: string;
  readonly key: string;
}

/**
 * Creates idempotency keys for purchases. An order keeps its key when it is sent again without an answer. Another order, or
 * the same one after `done`, gets a new key.
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
