import { render } from 'preact';
import { createCall, createSend } from './api-call.ts';
import { App } from './app.tsx';
import { createCredentials } from './credentials.ts';
import { startAsOwnTab } from './own-tab.ts';
import { Problem } from './problem.ts';
import { BASE, followLinks } from './router.ts';
import { readReturn, redirectUri } from './sign-in.ts';
import './styles/index.css';

await startAsOwnTab(sessionStorage, navigator.locks);
const send = createSend((...request) => fetch(...request));
const credentials = createCredentials(send, sessionStorage, Date.now);
const call = createCall(send, credentials);

const trouble = await comeBack();
followLinks();
// A page that the browser had put aside comes back as it was left, with buttons that wait for a page that has come and gone.
addEventListener('pageshow', ({ persisted }) => {
  if (persisted) location.reload();
});
const root = document.getElementById('app');
if (root) render(<App call={call} credentials={credentials} trouble={trouble} />, root);

/** Ends a sign-in whose answer the browser brings; says what went wrong with it. */
async function comeBack(): Promise<string | undefined> {
  const back = readReturn(sessionStorage, new URL(location.href));
  if (!back) return undefined;
  // Nobody needs the code again, least of all the history.
  history.replaceState(null, '', back.outcome === 'stranger' ? `${BASE}/` : back.returnTo);
  if (back.outcome === 'stranger') return 'That sign-in was not begun in this tab. Sign in here.';
  if (back.outcome === 'declined') return 'You were not signed in. You can try again.';
  try {
    await credentials.redeem(back.code, back.verifier, redirectUri(location.origin));
    return undefined;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return error.message;
  }
}
