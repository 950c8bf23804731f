import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as z from 'zod/mini';

/** What a sign-in gave. */
export interface SignedIn {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly userId: string;
  readonly tenants: readonly { readonly tenant_id: string; readonly role: string }[];
}

const Tokens = z.object({
  access_token: z.string(),
  refresh_token: z.string(),
  user_id: z.string(),
  tenants: z.array(z.object({ tenant_id: z.string(), role: z.string() })),
});

const PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Signed in</title><body style="font-family:system-ui;margin:3rem auto;max-width:30rem;padding:0 1rem">
<h1>MESSAGE</h1><p>You can close this window and go back to the program.</p></body></html>`;

/**
 * Signs somebody in from a program without a page of its own: their browser comes back to a port of this machine
 * (RFC 8252 section 7.3), and only this program can redeem what it brings (RFC 7636). `open` is given the address to send
 * the browser to. Throws where the person says no, or the server refuses.
 */
export async function signInByBrowser(serverUrl: string, open: (address: string) => void): Promise<SignedIn> {
  const verifier = randomBytes(32).toString('base64url');
  const state = randomBytes(16).toString('base64url');
  const listener = await listenForAnswer(state);
  try {
    const ask = new URLSearchParams({
      redirect_uri: listener.redirectUri,
      state,
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    });
    open(`${serverUrl}/auth/login/google?${ask}`);
    const code = await listener.code;
    const answer = await fetch(`${serverUrl}/auth/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        grant_type: 'authorization_code',
        code,
        code_verifier: verifier,
        redirect_uri: listener.redirectUri,
      }),
    });
    if (!answer.ok) throw new Error(`no tokens: ${await answer.text()}`);
    const { access_token, refresh_token, user_id, tenants } = z.parse(Tokens, await answer.json());
    return { accessToken: access_token, refreshToken: refresh_token, userId: user_id, tenants };
  } finally {
    listener.close();
  }
}

interface Listener {
  readonly redirectUri: string;
  readonly code: Promise<string>;
  close(): void;
}

async function listenForAnswer(state: string): Promise<Listener> {
  const { promise: code, resolve, reject } = Promise.withResolvers<string>();
  // Whoever waits for it is told; without this, an answer that comes early would end the process.
  code.catch(() => undefined);
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://127.0.0.1');
    // Any page in the browser can call this port: only the answer to our own request ends the wait.
    if (pathname !== '/callback' || searchParams.get('state') !== state) {
      response.writeHead(404).end();
      return;
    }
    const given = searchParams.get('code');
    const message = given === null ? 'Not signed in' : 'Signed in';
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', connection: 'close' });
    response.end(PAGE.replace('MESSAGE', message));
    if (given === null) reject(new Error(`not signed in: ${searchParams.get('error')}`));
    else resolve(given);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  return {
    redirectUri: `http://127.0.0.1:${port}/callback`,
    code,
    close: () => {
      server.close();
      server.closeIdleConnections();
    },
  };
}
