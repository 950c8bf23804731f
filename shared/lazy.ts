export interface OpenedOnce<T> {
  /** Opens it with the first call, for all that follow; where that fails, the next call tries again. */
  get(): Promise<T>;
  /** What was opened, or is being opened; absent where nobody has asked for it, or it failed. */
  current(): Promise<T> | undefined;
}

export function openedOnce<T>(open: () => Promise<T>): OpenedOnce<T> {
  let opened: Promise<T> | undefined;
  return {
    get() {
      opened ??= open().catch((error: unknown) => {
        opened = undefined;
        throw error;
      });
      return opened;
    },
    current: () => opened,
  };
}

/** What a part may look like to be opened later: whatever can be asked of it is answered with a promise. */
type Askable<P> = { readonly [K in keyof P]: (...args: never[]) => Promise<unknown> };

/**
 * A part that is opened when it is first asked something: a cold instance then loads what it uses and no more. `methods`
 * names all that can be asked. Where opening fails, so does the call, and the next one tries again. One that was never
 * opened has nothing to close.
 */
export function whenNeeded<P extends Askable<P>>(
  methods: Readonly<Record<keyof P, true>>,
  open: () => Promise<P>,
): P {
  const opened = openedOnce(open);
  const entries = Object.keys(methods).map((name) => [
    name,
    async (...args: never[]) => {
      if (name === 'close' && !opened.current()) return;
      const part = await opened.get();
      return part[name as keyof P](...args);
    },
  ]);
  return Object.fromEntries(entries) as P;
}
