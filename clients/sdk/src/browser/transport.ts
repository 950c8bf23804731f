import { NoAnswer, type Request, type Transport } from '../platform.ts';

const LONGEST_BODY_BYTES = 1024 * 1024;

/** No cookies, no caches, no redirects: credentials go to the address that was given, and nowhere else. */
function initOf({ method, headers, body }: Request): RequestInit {
  return {
    method,
    headers,
    ...(body === undefined ? {} : { body }),
    credentials: 'omit',
    cache: 'no-store',
    redirect: 'error',
    referrerPolicy: 'no-referrer',
  };
}

export const fetchTransport: Transport = {
  async send(request, { timeoutMs, signal }) {
    const stop = new AbortController();
    const give = (): void => stop.abort();
    const timer = setTimeout(give, timeoutMs);
    signal?.addEventListener('abort', give, { once: true });
    if (signal?.aborted) give();
    try {
      const response = await fetch(request.url, { ...initOf(request), signal: stop.signal });
      const body = await textOf(response);
      return { status: response.status, header: (name) => response.headers.get(name) ?? undefined, body };
    } catch (cause) {
      stop.abort();
      throw new NoAnswer('No whole answer came in time.', { cause });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', give);
    }
  },
};

/** Sends it though the page is gone before it arrives. */
export function sendAtLast(request: Request): void {
  fetch(request.url, { ...initOf(request), keepalive: true }).catch(() => undefined);
}

async function textOf({ body }: globalThis.Response): Promise<string> {
  if (!body) return '';
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    bytes += value.byteLength;
    if (bytes > LONGEST_BODY_BYTES) throw new RangeError('The answer is too long.');
    text += decoder.decode(value, { stream: true });
  }
}
