import { MAX_ANSWER_BYTES, NoAnswer, type Request, type Transport } from '../platform.ts';

/** No cookies, caches or redirects: credentials are sent to the given address only. */
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
    const cancel = (): void => stop.abort(new Error('the request was canceled'));
    signal?.addEventListener('abort', cancel);
    if (signal?.aborted) cancel();
    const timeout = new Error(`timed out after ${timeoutMs / 1000} s`);
    const timer = setTimeout(() => stop.abort(timeout), timeoutMs);
    try {
      const { status, headers, body } = await fetch(request.url, { ...initOf(request), signal: stop.signal });
      const text = await textOf(body);
      return { status, header: (name) => headers.get(name) ?? undefined, body: text };
    } catch (cause) {
      stop.abort();
      const { message } = cause as Error;
      throw new NoAnswer(`No answer from ${new URL(request.url).origin}: ${message}.`, { cause });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
    }
  },
};

/** The browser sends it even though the page closes first. */
export function sendOnPageHide(request: Request): void {
  fetch(request.url, { ...initOf(request), keepalive: true }).catch(() => undefined);
}

async function textOf(body: globalThis.Response['body']): Promise<string> {
  if (!body) return '';
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    bytes += value.byteLength;
    if (bytes > MAX_ANSWER_BYTES) throw new RangeError('the answer is larger than 1 MiB');
    text += decoder.decode(value, { stream: true });
  }
}
