import { useState } from 'preact/hooks';
import { type Action, useAction } from './use-action.ts';
import { type Load, useLoad } from './use-load.ts';

export interface Rows<T> {
  readonly rows: readonly T[];
  readonly nextCursor: string | null;
}

export interface Pages<T> {
  readonly load: Load<Rows<T>>;
  /** All rows so far. */
  readonly rows: readonly T[];
  /** Loads the next page; `undefined` if there is none. */
  readonly more: Action | undefined;
}

type Read<T> = (cursor: { readonly cursor?: string }, signal?: AbortSignal) => Promise<Rows<T>>;

/** A paged list: loads the first page at once, and each further page on request. */
export function usePages<T>(read: Read<T>, inputs: readonly unknown[]): Pages<T> {
  const [further, setFurther] = useState<{ readonly of: Rows<T>; readonly pages: readonly Rows<T>[] }>();
  const load = useLoad((signal) => read({}, signal), inputs);
  const { value: first } = load;
  // After a reload, the further pages of the earlier list are dropped.
  const pages = first ? [first, ...(further?.of === first ? further.pages : [])] : [];
  const cursor = pages.at(-1)?.nextCursor ?? null;
  const action = useAction(async () => {
    if (!first || cursor === null) return;
    const page = await read({ cursor });
    setFurther({ of: first, pages: [...pages.slice(1), page] });
  });
  return { load, rows: pages.flatMap(({ rows }) => rows), more: cursor === null ? undefined : action };
}
