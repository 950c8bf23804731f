import type { ComponentChildren } from 'preact';
import { Alert } from './alert.tsx';
import { Button } from './button.tsx';
import { Loaded } from './loaded.tsx';
import type { Pages } from './use-pages.ts';

interface PagedProps<T> {
  readonly of: Pages<T>;
  /** Shown where there is no row at all. */
  readonly empty: ComponentChildren;
  render(rows: readonly T[]): ComponentChildren;
}

/** The rows of a list so far, and the way to more of them. */
export function Paged<T>({ of, empty, render }: PagedProps<T>) {
  const { load, rows, more } = of;
  return (
    <Loaded
      of={load}
      render={() => (
        <>
          {rows.length === 0 ? empty : render(rows)}
          {more?.problem && <Alert problem={more.problem} />}
          {more && (
            <div class="buttons">
              <Button busy={more.isBusy} onClick={more.run}>
                Show more
              </Button>
            </div>
          )}
        </>
      )}
    />
  );
}
