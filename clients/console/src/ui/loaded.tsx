import type { ComponentChildren } from 'preact';
import { Alert } from './alert.tsx';
import { Button } from './button.tsx';
import type { Load } from './use-load.ts';

interface LoadedProps<T> {
  readonly of: Load<T>;
  render(value: T): ComponentChildren;
  /** Put around what is shown while there is no value. */
  whole?(shown: ComponentChildren): ComponentChildren;
}

/** What was asked for, or that it is on its way, or why it did not come. */
export function Loaded<T>({ of, render, whole = (shown) => shown }: LoadedProps<T>) {
  if (of.isLoaded) return <>{render(of.value as T)}</>;
  if (of.problem) {
    return (
      <>
        {whole(
          <>
            <Alert problem={of.problem} />
            <Button busy={of.isLoading} onClick={of.again}>
              Try again
            </Button>
          </>,
        )}
      </>
    );
  }
  return <>{whole(<Waiting />)}</>;
}

/** Holds the place. Says so only to those who wait for longer than a blink. */
export function Waiting() {
  return (
    <p class="waiting appears-late quiet" aria-busy="true">
      Loading…
    </p>
  );
}
