/** More than any endpoint has. */
export const MAX_QUERY_NAMES = 32;

/** Longer than any query of ours. Node itself accepts 16 KiB of headers, the target among them. */
export const MAX_QUERY_CHARACTERS = 8_192;

type Query = Readonly<Record<string, string | readonly string[]>>;

/**
 * The parameters of a query string, or why it is refused. A repeated name becomes a list, which the schemas of single
 * values reject. The pairs are counted before any is decoded.
 */
export function readQuery(search: string): Query | string {
  if (search.length > MAX_QUERY_CHARACTERS)
    return `The query has more than ${MAX_QUERY_CHARACTERS} characters.`;
  if (search.split('&', MAX_QUERY_NAMES + 1).length > MAX_QUERY_NAMES)
    return `The query has more than ${MAX_QUERY_NAMES} parameters.`;
  const query = new Map<string, string | readonly string[]>();
  for (const [name, value] of new URLSearchParams(search)) {
    const known = query.get(name);
    query.set(name, known === undefined ? value : [known, value].flat());
  }
  return Object.fromEntries(query);
}
