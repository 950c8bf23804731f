import { render } from 'preact';
import { createCall, createSend } from './api-call.ts';
import { App } from './app.tsx';
import { pageBeforePayment } from './billing/payment-page.ts';
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

const trouble = await finishSignIn();
const before = pageBeforePayment(sessionStorage, new URL(location.href));
if (before !== undefined) history.replaceState(null, '', before);
followLinks();
// The browser's back-forward cache restores a page in its last state, with buttons that are still busy.
addEventListener('pageshow', ({ persisted }) => {
  if (persisted) location.reload();
});
const root = document.getElementById('app');
if (root) render(<App call={call} credentials={credentials} trouble={trouble} />, root);

/** Completes a sign-in if the browser returns from the sign-in provider. Returns an error message if the sign-in failed. */
async function finishSignIn(): Promise<string | undefined> {
  const result = readReturn(sessionStorage, new URL(location.href));
  if (!result) return undefined;
  // The code can be redeemed once and must not stay in the browser's history.
  history.replaceState(null, '', result.outcome === 'foreign' ? `${BASE}/` : result.returnTo);
  if (result.outcome === 'foreign') return 'That sign-in was not started in this tab. Sign in here.';
  if (result.outcome === 'declined') return 'Sign-in was canceled. You can try again.';
  try {
    await credentials.redeem(result.code, result.verifier, redirectUri(location.origin));
    return undefined;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return error.message;
  }
}
