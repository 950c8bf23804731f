import type { RequestListener } from 'node:http';
import { isLoopback } from '../domain/loopback.ts';
import { problemAnswer } from '../http/problem.ts';
import { send } from '../http/serve.ts';
import { requestIdOf } from '../http/trace.ts';

/**
 * Serves only requests to this machine by its own names, or by the host of one of `urls`. A page of any site can let its
 * own name resolve to 127.0.0.1 (DNS rebinding), and could then read what a server here answers without credentials; the
 * browser sends the page's name as `Host`.
 */
export function forOwnHosts(serve: RequestListener, urls: readonly string[] = []): RequestListener {
  const named = new Set(urls.map((url) => new URL(url).hostname));
  return (request, response) => {
    const hostname = hostnameOf(request.headers.host);
    if (isLoopback(hostname) || named.has(hostname)) {
      serve(request, response);
      return;
    }
    const requestId = requestIdOf(request.headers);
    const detail = 'This server answers only to localhost, 127.0.0.1 and the host of PUBLIC_URL.';
    send(request, response, requestId, problemAnswer(requestId, { problem: 'FORBIDDEN', detail }));
  };
}

function hostnameOf(host = ''): string {
  return URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : '';
}
