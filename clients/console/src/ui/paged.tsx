import type { ComponentChildren } from 'preact';
import { Alert } from './alert.tsx';
import { Button } from './button.tsx';
import { Loaded } from './loaded.tsx';
import type { Pages } from './use-pages.ts';

interface PagedProps<T> {
  readonly of: Pages<T>;
  /** Shown if there are no rows. */
  readonly empty: ComponentChildren;
  render(rows: readonly T[]): ComponentChildren;
}

/** The loaded rows of a list, and a button that loads more. */
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
                Load more
              </Button>
            </div>
          )}
        </>
      )}
    />
  );
}
