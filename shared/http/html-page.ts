import { createHash } from 'node:crypto';

const STYLE = `
:root { color-scheme: light dark; --line: #767676; --quiet: light-dark(#555, #b5b5b5); }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 30rem; padding: 1.5rem 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; margin: 0 0 1rem; }
p { margin: 0 0 1rem; }
small { color: var(--quiet); }
label { display: block; }
input, button, a.button { background: none; border: 1px solid var(--line); border-radius: .5rem; box-sizing: border-box; color: inherit; display: block; font: inherit; margin: 0 0 1rem; min-height: 2.75rem; padding: .6rem .8rem; text-align: center; width: 100%; }
input { text-align: left; }
button, a.button { cursor: pointer; text-decoration: underline; }
button:hover, a.button:hover { background: light-dark(#f0f0f0, #333); }
strong.code { display: block; font: 600 1.6rem/1.5 ui-monospace, monospace; letter-spacing: .1em; }
:focus-visible { outline: 3px solid light-dark(#0b57d0, #a8c7fa); outline-offset: 2px; }
`;

/** A page without scripts, pictures or frames: it has only its own style, and its forms go only to us. */
const POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

export const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': POLICY,
  'referrer-policy': 'no-referrer',
};

/** A whole page. `title` is text; `content` is HTML, in which all text is escaped with `html`. */
export function htmlPage(title: string, content: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${html(title)} – Seatlease</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${html(title)}</h1>
${content}
</main>
</body>
</html>
`;
}

/** Why a browser cannot go on. It repeats nothing of the request but its id. */
export function problemPage(title: string, signInAgainAt: string, requestId: string): string {
  return htmlPage(
    'Not signed in',
    `<p>${html(title)}</p>
<a class="button" href="${html(signInAgainAt)}">Sign in again</a>
<p>If a program on your computer opened this page, start its sign-in again there.</p>
<p><small>Request ${html(requestId)}</small></p>`,
  );
}

export function html(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
