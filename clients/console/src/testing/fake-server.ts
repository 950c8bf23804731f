/** A request as the server received it. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | null;
  readonly headers: Headers;
  readonly body: unknown;
}

export type FakeAnswer = (seen: Seen) => Response | Promise<Response>;

/** A fake `fetch` that responds with `answer` and records each request. */
export function fakeServer(answer: FakeAnswer): { readonly fetch: typeof fetch; readonly seen: Seen[] } {
  const seen: Seen[] = [];
  return {
    seen,
    fetch: async (path, { method = 'GET', headers: given, body } = {}) => {
      const headers = new Headers(given);
      const request: Seen = {
        method,
        path: String(path),
        authorization: headers.get('authorization'),
        headers,
        body: bodyOf(body),
      };
      seen.push(request);
      return answer(request);
    },
  };
}

function bodyOf(body: unknown): unknown {
  if (body instanceof URLSearchParams) return Object.fromEntries(body);
  return typeof body === 'string' ? JSON.parse(body) : undefined;
}

export function problemResponse(
  status: number,
  code: string,
  more: Readonly<Record<string, unknown>> = {},
  headers: Readonly<Record<string, string>> = {},
): Response {
  const body = {
    type: `urn:${code}`,
    title: `Title of ${code}.`,
    status,
    code,
    request_id: 'req_1',
    ...more,
  };
  return Response.json(body, { status, headers: { 'content-type': 'application/problem+json', ...headers } });
}

/** A fake `sessionStorage`. */
export function memoryStorage(): Storage {
  const items = new Map<string, string>();
  return {
    get length() {
      return items.size;
    },
    key: (index) => [...items.keys()][index] ?? null,
    getItem: (name) => items.get(name) ?? null,
    setItem: (name, value) => void items.set(name, value),
    removeItem: (name) => void items.delete(name),
    clear: () => items.clear(),
  };
}
