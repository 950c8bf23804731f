import { createHash } from 'node:crypto';
import type { LocalAccount } from './accounts.ts';

const STYLE = `
:root { color-scheme: light dark; --line: #767676; --quiet: light-dark(#555, #b5b5b5); }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 26rem; padding: 1.5rem 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; margin: 0; }
h2 { font-size: 1.1rem; margin: 2rem 0 0; }
p { color: var(--quiet); margin: .5rem 0 1rem; }
ul { list-style: none; margin: 0; padding: 0; }
li a { border: 1px solid var(--line); border-radius: .5rem; color: inherit; display: block; margin-bottom: .5rem; padding: .6rem .8rem; text-decoration: none; }
li a:hover, button:hover { background: light-dark(#f0f0f0, #333); }
li strong { display: block; text-decoration: underline; }
li span { color: var(--quiet); }
label { display: block; margin-top: .75rem; }
input, button { border: 1px solid var(--line); border-radius: .5rem; box-sizing: border-box; font: inherit; padding: .6rem .8rem; width: 100%; }
button { cursor: pointer; margin: 1rem 0; }
:focus-visible { outline: 3px solid light-dark(#0b57d0, #a8c7fa); outline-offset: 2px; }
`;

/**
 * Allows only the page's own style. `form-action` must allow every http address: browsers also apply it to redirects
 * after the form, and a native app listens on any free port (RFC 8252 section 7.3).
 */
export const PAGE_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "form-action 'self' http:",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The page to choose an account on. Each choice repeats `query`, the browser's request, with the account added. */
export function choicePage(
  accounts: readonly LocalAccount[],
  query: URLSearchParams,
  cancelUrl: string,
): string {
  const choices = accounts.map(({ name, email, hostedDomain }) => {
    const chosen = new URLSearchParams([...query, ['login_hint', email]]);
    const domain = hostedDomain === undefined ? '' : `, Workspace ${hostedDomain}`;
    return `<li><a href="?${html(chosen.toString())}"><strong>${html(name)}</strong> <span>${html(email + domain)}</span></a></li>`;
  });
  const repeated = [...query].map(
    ([key, value]) => `<input type="hidden" name="${html(key)}" value="${html(value)}">`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Choose an account – Seatlease local sign-in</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>Choose an account</h1>
<p>This is a fake of Google’s sign-in on your machine. It asks for no password and is for development only.</p>
<ul>
${choices.join('\n')}
</ul>
<h2>Another account</h2>
<form method="get">
${repeated.join('\n')}
<label for="email">E-mail address</label>
<input id="email" name="login_hint" type="email" required autocomplete="off">
<label for="name">Name (optional)</label>
<input id="name" name="name" autocomplete="off">
<label for="domain">Google Workspace domain (optional)</label>
<input id="domain" name="hd" autocomplete="off" autocapitalize="none">
<button>Sign in</button>
</form>
<a href="${html(cancelUrl)}">Cancel</a>
</main>
</body>
</html>
`;
}

function html(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
