import * as oauth from 'oauth4webapi';
import * as openid from 'openid-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTestSuite, type TestSuite } from '../testing/suite.ts';
import { codeFor } from '../testing/trusting-provider.ts';
import { accountOf, decideOnDevice, LOOPBACK_REDIRECT } from '../testing/users.ts';

/**
 * Clients that we did not write: `openid-client` and `oauth4webapi` (both certified by the OpenID Foundation) sign in over HTTP,
 * knowing only the address of the server and a client id.
 */
const ADA = accountOf('ada@example.com');

let suite: TestSuite;
beforeAll(async () => {
  suite = await openTestSuite();
});
afterAll(() => suite.close());

/** A browser that keeps its cookie, in which Ada signs in. Returns where the client gets the browser back. */
function browser() {
  let cookie = '';
  const visit = async (address: string): Promise<string> => {
    const reply = await suite.call('GET', address.slice(suite.url.length), { headers: { cookie } });
    const [set] = reply.headers.get('set-cookie')?.split(';') ?? [];
    if (set !== undefined) cookie = set;
    return reply.headers.get('location') ?? '';
  };
  return {
    begin: (address: URL) => visit(address.href),
    finish: async (location: string) =>
      new URL(await visit(`${suite.url}/auth/callback?${new URLSearchParams(codeFor(location, ADA))}`)),
  };
}

async function whoIs(token: string): Promise<{ status: number; email: string | undefined }> {
  const { status, body } = await suite.call('GET', '/api/v1/users/me', { authorization: `Bearer ${token}` });
  return { status, email: body.email };
}

describe('openid-client', () => {
  const configure = (clientId = 'seatlease-sdk') =>
    openid.discovery(new URL(suite.url), clientId, undefined, openid.None(), {
      algorithm: 'oauth2',
      execute: [openid.allowInsecureRequests],
    });

  async function begin(config: openid.Configuration) {
    const pkceCodeVerifier = openid.randomPKCECodeVerifier();
    const expectedState = openid.randomState();
    const address = openid.buildAuthorizationUrl(config, {
      redirect_uri: LOOPBACK_REDIRECT,
      scope: 'seatlease',
      state: expectedState,
      code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
    });
    return { address, checks: { pkceCodeVerifier, expectedState } };
  }

  test('signs in by code and PKCE, refreshes and revokes', async () => {
    const config = await configure();
    const { address, checks } = await begin(config);
    const { begin: visit, finish } = browser();
    const tokens = await openid.authorizationCodeGrant(config, await finish(await visit(address)), checks);
    expect(await whoIs(tokens.access_token)).toEqual({ status: 200, email: 'ada@example.com' });
    const next = await openid.refreshTokenGrant(config, tokens.refresh_token ?? '');
    expect((await whoIs(next.access_token)).status).toBe(200);
    await openid.tokenRevocation(config, next.refresh_token ?? '');
    expect((await whoIs(next.access_token)).status).toBe(401);
    await expect(openid.refreshTokenGrant(config, next.refresh_token ?? '')).rejects.toMatchObject({
      error: 'invalid_grant',
    });
  });

  test('finishes two sign-ins that were begun in one browser, in either order', async () => {
    const config = await configure();
    for (const order of [
      [0, 1],
      [1, 0],
    ]) {
      const { begin: visit, finish } = browser();
      const begun = [await begin(config), await begin(config)];
      const locations = [await visit(begun[0]?.address as URL), await visit(begun[1]?.address as URL)];
      for (const i of order) {
        const back = await finish(locations[i] ?? '');
        const tokens = await openid.authorizationCodeGrant(config, back, begun[i]?.checks);
        expect((await whoIs(tokens.access_token)).status).toBe(200);
      }
    }
  });

  test('reads an error that is returned to it', async () => {
    const config = await configure();
    const { address, checks } = await begin(config);
    address.searchParams.set('code_challenge_method', 'plain');
    const back = new URL(await browser().begin(address));
    await expect(openid.authorizationCodeGrant(config, back, checks)).rejects.toMatchObject({
      error: 'invalid_request',
    });
  });

  test('signs in a device', async () => {
    const config = await configure();
    const device = await openid.initiateDeviceAuthorization(config, {});
    await decideOnDevice(suite, device.user_code, ADA, 'allow');
    const tokens = await openid.pollDeviceAuthorizationGrant(config, { ...device, interval: 0 });
    expect((await whoIs(tokens.access_token)).email).toBe('ada@example.com');
  });

  test('reads that the user denied a device', async () => {
    const config = await configure();
    const device = await openid.initiateDeviceAuthorization(config, {});
    await decideOnDevice(suite, device.user_code, ADA, 'deny');
    await expect(
      openid.pollDeviceAuthorizationGrant(config, { ...device, interval: 0 }),
    ).rejects.toMatchObject({ error: 'access_denied' });
  });
});

describe('oauth4webapi', () => {
  const client: oauth.Client = { client_id: 'seatlease-cli' };
  const insecure = { [oauth.allowInsecureRequests]: true };
  const none = oauth.None();

  async function discover(): Promise<oauth.AuthorizationServer> {
    const issuer = new URL(suite.url);
    const response = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure });
    return oauth.processDiscoveryResponse(issuer, response);
  }

  test('signs in by code and PKCE, refreshes and revokes', async () => {
    const server = await discover();
    const verifier = oauth.generateRandomCodeVerifier();
    const state = oauth.generateRandomState();
    const address = new URL(server.authorization_endpoint ?? '');
    address.search = new URLSearchParams({
      client_id: client.client_id,
      redirect_uri: LOOPBACK_REDIRECT,
      response_type: 'code',
      state,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    }).toString();
    const { begin, finish } = browser();
    const parameters = oauth.validateAuthResponse(server, client, await finish(await begin(address)), state);
    const response = await oauth.authorizationCodeGrantRequest(
      server,
      client,
      none,
      parameters,
      LOOPBACK_REDIRECT,
      verifier,
      insecure,
    );
    const tokens = await oauth.processAuthorizationCodeResponse(server, client, response);
    expect(await whoIs(tokens.access_token)).toEqual({ status: 200, email: 'ada@example.com' });
    const next = await oauth.processRefreshTokenResponse(
      server,
      client,
      await oauth.refreshTokenGrantRequest(server, client, none, tokens.refresh_token ?? '', insecure),
    );
    await oauth.processRevocationResponse(
      await oauth.revocationRequest(server, client, none, next.access_token, insecure),
    );
    expect((await whoIs(next.access_token)).status).toBe(401);
  });

  test('signs in a device, which waits for its user', async () => {
    const server = await discover();
    const device = await oauth.processDeviceAuthorizationResponse(
      server,
      client,
      await oauth.deviceAuthorizationRequest(server, client, none, {}, insecure),
    );
    const ask = async () =>
      oauth.processDeviceCodeResponse(
        server,
        client,
        await oauth.deviceCodeGrantRequest(server, client, none, device.device_code, insecure),
      );
    await expect(ask()).rejects.toMatchObject({ error: 'authorization_pending' });
    await decideOnDevice(suite, device.user_code, ADA, 'allow');
    expect((await whoIs((await ask()).access_token)).email).toBe('ada@example.com');
  });
});
