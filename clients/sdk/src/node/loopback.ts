import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SeatleaseError } from '../errors.ts';

const page = (message: string): string => `<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"><title>${message}</title>
<body style="font-family:system-ui;margin:3rem auto;max-width:30rem;padding:0 1rem">
<h1>${message}</h1><p>You can close this window and return to the program.</p></body></html>`;

export interface Loopback {
  readonly redirectUri: string;
  /** Rejects with SIGN_IN_REFUSED if the user or the identity provider declines. */
  readonly code: Promise<string>;
  close(): void;
}

/** Waits for the browser to return to a port of this machine (RFC 8252 section 7.3) with the code for `state`. */
export async function listenForCode(state: string): Promise<Loopback> {
  let found: (code: string) => void = () => {};
  let refused: (error: SeatleaseError) => void = () => {};
  const code = new Promise<string>((resolve, reject) => {
    found = resolve;
    refused = reject;
  });
  // Without this, a rejection before a caller awaits `code` would end the process.
  code.catch(() => undefined);
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://127.0.0.1');
    // Any page in the browser can call this port: only a request with our `state` ends the wait.
    if (pathname !== '/callback' || searchParams.get('state') !== state) {
      response.writeHead(404).end();
      return;
    }
    const given = searchParams.get('code');
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', connection: 'close' });
    response.end(page(given === null ? 'Not signed in' : 'Signed in'));
    if (given !== null) found(given);
    else refused(new SeatleaseError('SIGN_IN_REFUSED', `Not signed in: ${searchParams.get('error')}.`));
  });
  await new Promise<void>((listening, failed) => {
    server.once('error', failed);
    server.listen(0, '127.0.0.1', listening);
  });
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
