import { NoAnswer, type Request, type Transport } from '../platform.ts';

const LONGEST_BODY_BYTES = 1024 * 1024;

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
    let why: string | undefined;
    const giveUp = (reason: string): void => {
      why ??= reason;
      stop.abort();
    };
    const cancel = (): void => giveUp('the request was canceled');
    const timer = setTimeout(() => giveUp(`timed out after ${timeoutMs / 1000} s`), timeoutMs);
    signal?.addEventListener('abort', cancel, { once: true });
    if (signal?.aborted) cancel();
    try {
      const response = await fetch(request.url, { ...initOf(request), signal: stop.signal });
      const body = await textOf(response);
      return { status: response.status, header: (name) => response.headers.get(name) ?? undefined, body };
    } catch (cause) {
      stop.abort();
      throw new NoAnswer(`No answer from ${new URL(request.url).origin}: ${why ?? reasonOf(cause)}.`, {
        cause,
      });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
    }
  },
};

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/** The browser sends it even though the page closes first. */
export function sendOnPageHide(request: Request): void {
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
    if (bytes > LONGEST_BODY_BYTES) throw new RangeError('the answer is larger than 1 MiB');
    text += decoder.decode(value, { stream: true });
  }
}
