import type { IncomingMessage, OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http';

/** A 404 without `Cache-Control` is cached for so long: https://firebase.google.com/docs/hosting/manage-cache */
const NOT_FOUND_CACHED_SECONDS = 600;
/** Hosting answers differ by these at least: https://github.com/firebase/firebase-tools/blob/master/src/hosting/proxy.ts */
const VARY = ['Accept-Encoding', 'Authorization', 'Cookie'];

interface Cached {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body: Buffer;
  readonly storedMs: number;
  readonly untilMs: number;
}

/**
 * What Hosting does to answers of functions (https://firebase.google.com/docs/hosting/manage-cache, and the proxy of
 * firebase-tools, which imitates it): answers are private by default, cookies are removed from answers that are not
 * private, and public answers are cached.
 */
export class HostingAnswers {
  readonly #cached = new Map<string, Cached>();

  /** Answers from the cache. Otherwise returns false, and changes and caches the answer that `response` gets. */
  answerFromCache(request: IncomingMessage, response: ServerResponse): boolean {
    const key = keyOf(request);
    const cached = key === undefined ? undefined : this.#cached.get(key);
    if (cached && Date.now() < cached.untilMs) {
      answerCached(cached, request, response);
      return true;
    }
    changeHeaders(response, (status) => {
      makePrivate(response);
      if (key !== undefined) this.#store(key, status, response);
    });
    return false;
  }

  /** Stores the answer when it ends. Called when its headers are complete. */
  #store(key: string, status: number, response: ServerResponse): void {
    const seconds = secondsCached(status, String(response.getHeader('cache-control')));
    if (seconds === 0) return;
    const headers = response.getHeaders();
    const end = response.end.bind(response);
    const storedMs = Date.now();
    response.end = ((chunk?: unknown, ...rest: never[]) => {
      const body = Buffer.from(typeof chunk === 'string' || Buffer.isBuffer(chunk) ? chunk : '');
      this.#cached.set(key, { status, headers, body, storedMs, untilMs: storedMs + seconds * 1000 });
      return end(chunk as never, ...rest);
    }) as typeof response.end;
  }
}

/** Undefined if the request cannot be answered from a cache. */
function keyOf({ method, url, headers }: IncomingMessage): string | undefined {
  if (method !== 'GET') return undefined;
  return JSON.stringify([url, headers.authorization, headers.cookie, headers['accept-encoding']]);
}

function secondsCached(status: number, cacheControl: string): number {
  if (status === 404 && cacheControl === DEFAULT) return NOT_FOUND_CACHED_SECONDS;
  if (status !== 200 || !cacheControl.includes('public')) return 0;
  return Number(/(?:s-maxage|max-age)=(\d+)/.exec(cacheControl)?.[1] ?? 0);
}

function answerCached(cached: Cached, { headers }: IncomingMessage, response: ServerResponse): void {
  const { status, body, storedMs } = cached;
  const age = Math.floor((Date.now() - storedMs) / 1000);
  const isHeld = cached.headers.etag !== undefined && headers['if-none-match'] === cached.headers.etag;
  const { 'content-length': _, ...others } = cached.headers;
  response.writeHead(isHeld ? 304 : status, {
    ...(isHeld ? others : cached.headers),
    age: String(age),
    'x-cache': 'HIT',
  });
  response.end(isHeld ? undefined : body);
}

const DEFAULT = 'private';

function makePrivate(response: ServerResponse): void {
  if (!response.hasHeader('cache-control')) response.setHeader('cache-control', DEFAULT);
  if (!String(response.getHeader('cache-control')).includes('private')) response.removeHeader('set-cookie');
  const given = String(response.getHeader('vary') ?? '')
    .split(/, ?/)
    .filter(Boolean);
  const missing = VARY.filter((name) => !given.some((one) => one.toLowerCase() === name.toLowerCase()));
  response.setHeader('vary', [...given, ...missing].join(', '));
}

/** Calls `change` once, when the status and all headers of the answer are known. */
function changeHeaders(response: ServerResponse, change: (status: number) => void): void {
  const writeHead = response.writeHead.bind(response);
  response.writeHead = (status: number, ...rest: unknown[]) => {
    const given = rest.find((one) => typeof one === 'object') as
      | Record<string, OutgoingHttpHeader>
      | undefined;
    for (const [name, value] of Object.entries(given ?? {})) response.setHeader(name, value);
    change(status);
    return writeHead(status);
  };
}
