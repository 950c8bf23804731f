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

test.each(['before', 'after'])('cancels a request whose signal aborts %s it is sent', async (when) => {
  hang();
  const canceled = new AbortController();
  if (when === 'before') canceled.abort();
  const options = { timeoutMs: 60_000, background: false, signal: canceled.signal };
  const sent = fetchTransport.send(REQUEST, options).catch((error: unknown) => error);
  canceled.abort();
  expect(await sent).toBeInstanceOf(NoAnswer);
  expect(await sent).toMatchObject({
    message: 'No answer from https://licenses.example.com: the request was canceled.',
  });
});
