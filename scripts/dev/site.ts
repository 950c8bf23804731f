import type { IncomingMessage, ServerResponse } from 'node:http';
import { buildConsole } from '../../clients/console/build.ts';
import { lazy } from '../../shared/lazy.ts';
import { answerNotFound } from '../../shared/local/mount.ts';
import { cacheControlOf, SECURITY_HEADERS } from '../generate/hosting.ts';
import { siteFiles } from '../site/files.ts';

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
  json: 'application/json',
};

// Built at the first request, so that `npm start` does not wait for them.
const pages = lazy(async () => siteFiles());
const consolePages = lazy(buildConsole);

/** Serves static files like Firebase Hosting. For a path without a file, returns 404 like the functions. */
export function serveSite(request: IncomingMessage, response: ServerResponse): void {
  answer(request, response).catch((error: unknown) => {
    process.stderr.write(`${request.url}: ${error instanceof Error ? error.stack : error}\n`);
    response
      .writeHead(500, { 'Content-Type': 'text/plain' })
      .end('The page could not be built. See the terminal for the reason.\n');
  });
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'http://localhost');
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  const file = isRead ? await fileAt(pathname) : undefined;
  if (file === undefined) {
    answerNotFound(request, response);
    return;
  }
  const { path, content } = file;
  request.resume();
  response.writeHead(200, {
    ...SECURITY_HEADERS,
    'Cache-Control': cacheControlOf(path),
    'Content-Type': TYPES[path.split('.').at(-1) ?? ''],
    'Content-Length': Buffer.byteLength(content),
  });
  response.end(request.method === 'HEAD' ? undefined : content);
}

async function fileAt(pathname: string): Promise<{ path: string; content: string } | undefined> {
  const isConsole = /^\/console(\/|$)/.test(pathname);
  const files = await (isConsole ? consolePages : pages)();
  const named = pathname === '/' ? 'index.html' : pathname.slice(1);
  // The console's page handles every path within it. A missing asset is a file of an older build: 404.
  const anyPage = isConsole && !pathname.startsWith('/console/assets/') ? ['console/index.html'] : [];
  const path = [named, `${named}.html`, ...anyPage].find((candidate) => files.has(candidate));
  const content = path && files.get(path);
  return path === undefined || content === undefined ? undefined : { path, content };
}
