export interface List<T> {
  readonly object: 'list';
  readonly data: readonly T[];
  readonly has_more: boolean;
  readonly url: string;
}

export interface Page {
  readonly limit: number;
  readonly starting_after?: string | undefined;
}

/** The length of a page, unless a call asks for another (docs.stripe.com/api/pagination). */
export const PAGE_LENGTH = 10;

/** The page after the object `starting_after`. */
export function list<T extends { readonly id: string }>(
  all: readonly T[],
  url: string,
  { limit, starting_after }: Page = { limit: PAGE_LENGTH },
): List<T> {
  const start = all.findIndex(({ id }) => id === starting_after) + 1;
  const data = all.slice(start, start + limit);
  return { object: 'list', data, has_more: start + limit < all.length, url };
}
