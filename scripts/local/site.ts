import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerNotFound } from '../../shared/http/mount.ts';
import { SECURITY_HEADERS } from '../generate/hosting.ts';
import { siteFiles } from '../site/files.ts';

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  json: 'application/json',
};

let files: ReadonlyMap<string, string> | undefined;

/** Serves the static files as Firebase Hosting does, and answers as the functions do where there is none. */
export function serveSite(request: IncomingMessage, response: ServerResponse): void {
  // Whoever only tries the API does not wait for the pages.
  files ??= siteFiles();
  const { pathname } = new URL(request.url ?? '/', 'http://localhost');
  const path = pathname === '/' ? 'index.html' : pathname.slice(1);
  const found = [path, `${path}.html`].find((candidate) => files?.has(candidate));
  const content = found && files.get(found);
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  if (found === undefined || content === undefined || !isRead) {
    answerNotFound(request, response);
    return;
  }
  request.resume();
  response.writeHead(200, {
    ...SECURITY_HEADERS,
    'Cache-Control': 'no-cache',
    'Content-Type': TYPES[found.split('.').at(-1) ?? ''],
    'Content-Length': Buffer.byteLength(content),
  });
  response.end(request.method === 'HEAD' ? undefined : content);
}
