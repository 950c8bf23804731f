import type { ComponentChildren } from 'preact';

interface TableProps {
  /** What it lists, for those who do not see where it stands. */
  readonly caption: ComponentChildren;
  readonly columns: readonly string[];
  /** Of a last column, of buttons, whose heading only those need who do not see them. */
  readonly buttons?: string;
  readonly children: ComponentChildren;
}

/** A list with columns; on a phone each row is a card. The children are its rows. */
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
