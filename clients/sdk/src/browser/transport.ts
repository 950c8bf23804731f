import { MAX_ANSWER_BYTES, NoAnswer, type Request, type Transport } from '../platform.ts';

/** No cookies, caches or redirects: credentials are sent to the given address only. */
function initOf({ method, headers, body }: Request): RequestInit {
  return {
    method,
    headers,
    body: body ?? null,
    credentials: 'omit',
    cache: 'no-store',
    redirect: 'error',
    referrerPolicy: 'no-referrer',
  };
}

export const fetchTransport: Transport = {
  async send(request, { timeoutMs, signal }) {
    const stop = AbortSignal.any([AbortSignal.timeout(timeoutMs), ...(signal ? [signal] : [])]);
    try {
      const { status, headers, body } = await fetch(request.url, { ...initOf(request), signal: stop });
      return { status, header: (name) => headers.get(name) ?? undefined, body: await textOf(body) };
    } catch (cause) {
      const { message } = cause as Error;
      throw new NoAnswer(`No answer from ${new URL(request.url).origin}: ${message}.`, { cause });
    }
  },
};

/** The browser sends it even though the page closes first. */
export function sendOnPageHide(request: Request): void {
  fetch(request.url, { ...initOf(request), keepalive: true }).catch(() => undefined);
}

async function textOf(body: globalThis.Response['body']): Promise<string> {
  let bytes = 0;
  const limited = body?.pipeThrough(
    new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(chunk, controller) {
        bytes += chunk.byteLength;
        if (bytes > MAX_ANSWER_BYTES) throw new RangeError('the answer is larger than 1 MiB');
        controller.enqueue(chunk);
      },
    }),
  );
  return new Response(limited).text();
}
