import { afterEach, expect, test, vi } from 'vitest';
import { NoAnswer } from '../platform.ts';
import { fetchTransport } from './transport.ts';

afterEach(() => vi.unstubAllGlobals());

const REQUEST = { method: 'POST', url: 'https://licenses.example.com/x', headers: {}, body: '{}' };

/** A server that never answers, as `fetch` shows it. */
function hang(): void {
  vi.stubGlobal(
    'fetch',
    (_: string, { signal }: RequestInit) =>
      new Promise((_resolve, reject) => {
        if (signal?.aborted) reject(signal.reason);
        signal?.addEventListener('abort', () => reject(signal.reason));
      }),
  );
}

test('an answer that does not arrive in time is none', async () => {
  hang();
  const sent = fetchTransport.send(REQUEST, { timeoutMs: 1, background: false });
  await expect(sent).rejects.toThrow(NoAnswer);
});

test('an answer of more than 1 MiB is none', async () => {
  const options = { timeoutMs: 60_000, background: false };
  vi.stubGlobal('fetch', async () => new Response('x'.repeat(1_048_576)));
  expect((await fetchTransport.send(REQUEST, options)).body).toHaveLength(1_048_576);
  vi.stubGlobal('fetch', async () => new Response('x'.repeat(1_048_577)));
  await expect(fetchTransport.send(REQUEST, options)).rejects.toMatchObject({
    name: 'NoAnswer',
    message: 'No answer from https://licenses.example.com: the answer is larger than 1 MiB.',
  });
});

test.each(['before', 'after'])('cancels a request whose signal aborts %s it is sent', async (when) => {
  hang();
  const canceled = new AbortController();
  const reason = new Error('the request was canceled');
  if (when === 'before') canceled.abort(reason);
  const options = { timeoutMs: 60_000, background: false, signal: canceled.signal };
  const sent = fetchTransport.send(REQUEST, options).catch((error: unknown) => error);
  canceled.abort(reason);
  expect(await sent).toBeInstanceOf(NoAnswer);
  expect(await sent).toMatchObject({
    message: 'No answer from https://licenses.example.com: the request was canceled.',
  });
});
