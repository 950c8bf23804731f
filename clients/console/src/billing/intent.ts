interface Intent {
  readonly wish: string;
  readonly key: string;
}

/**
 * Names purchases: the same wish is the same purchase, however often it is sent for want of an answer, and another wish is
 * another one. After `done` the same wish is a new purchase.
 */
export function createIntents(newKey: () => string) {
  let latest: Intent | undefined;
  return {
    keyOf(wish: object): string {
      const text = JSON.stringify(wish);
      if (latest?.wish !== text) latest = { wish: text, key: newKey() };
      return latest.key;
    },
    done(): void {
      latest = undefined;
    },
  };
}
