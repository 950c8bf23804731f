import type { ComponentChildren } from 'preact';

interface TableProps {
  /** What the table lists, for screen readers. */
  readonly caption: ComponentChildren;
  readonly columns: readonly string[];
  /** The heading of a last column of buttons, for screen readers only. */
  readonly buttons?: string;
  readonly children: ComponentChildren;
}

/** A table whose rows become cards on a phone. The children are the rows. */
export function Table({ caption, columns, buttons, children }: TableProps) {
  return (
    <div class="table-frame">
      <table class="cards">
        <caption class="sr-only">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
            {buttons !== undefined && (
              <th scope="col">
                <span class="sr-only">{buttons}</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
