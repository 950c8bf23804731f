import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { OpenApi } from '../generate/openapi/document.ts';
import { type Html, html } from './html.ts';
import { reference } from './reference.ts';

/** Every static file of the site but the console: path and content. */
export function siteFiles(): ReadonlyMap<string, string> {
  const openApi = readFileSync(new URL('../../clients/openapi.json', import.meta.url), 'utf8');
  // Generated; a test checks that it is up to date.
  const document: OpenApi = JSON.parse(openApi);
  const style = readFileSync(new URL('./style.css', import.meta.url), 'utf8');
  const stylePath = `assets/style-${createHash('sha256').update(style).digest('hex').slice(0, 8)}.css`;
  const page = (title: string, content: Html): string => pageOf(title, `/${stylePath}`, content);
  return new Map([
    ['index.html', page('Seatlease', HOME)],
    ['docs.html', page('Seatlease API', reference(document))],
    ['404.html', page('Not found', NOT_FOUND)],
    ['openapi.json', openApi],
    [stylePath, style],
  ]);
}

function pageOf(title: string, stylePath: string, content: Html): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${stylePath}">
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
${content}
</body>
</html>
`.text;
}

const HOME = html`<main id="main">
<h1>Seatlease</h1>
<p>A floating-license server.</p>
<ul>
<li><a href="/console">Console</a>: see who holds which seats, and manage licenses</li>
<li><a href="/docs">API reference</a></li>
<li><a href="/openapi.json">OpenAPI document</a></li>
</ul>
</main>`;

const NOT_FOUND = html`<main id="main">
<h1>Not found</h1>
<p>This page does not exist. See the <a href="/docs">API reference</a>.</p>
</main>`;
