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
  let opened: Promise<P> | undefined;
  const opening = (): Promise<P> => {
    opened ??= open().catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
  const entries = Object.keys(methods).map((name) => [
    name,
    async (...args: never[]) => {
      if (name === 'close' && !opened) return;
      const part = await opening();
      return part[name as keyof P](...args);
    },
  ]);
  return Object.fromEntries(entries) as P;
}
