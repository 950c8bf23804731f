import type { ComponentChildren } from 'preact';
import { Alert } from './alert.tsx';
import { Button } from './button.tsx';
import type { Load } from './use-load.ts';

interface LoadedProps<T> {
  readonly of: Load<T>;
  render(value: T): ComponentChildren;
  /** Wraps the loading state or the failure. */
  wrap?(shown: ComponentChildren): ComponentChildren;
}

/** Renders the loaded value, the loading state, or the failure. */
export function Loaded<T>({ of, render, wrap = (shown) => shown }: LoadedProps<T>) {
  if (of.isLoaded) return <>{render(of.value as T)}</>;
  if (of.problem) {
    return (
      <>
        {wrap(
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
  return <>{wrap(<Waiting />)}</>;
}

/** A placeholder whose text appears only after 0.4 s. */
export function Waiting() {
  return (
    <p class="waiting appears-late quiet" aria-busy="true">
      Loading…
    </p>
  );
}
