import type { ExamplesOf } from '../example.ts';
import type contract from './contract.ts';

export default {
  token: ({ signInCode, codeVerifier, redirectUri }) => ({
    body: {
      grant_type: 'authorization_code',
      client_id: 'seatlease-sdk',
      code: signInCode,
      code_verifier: codeVerifier,
      redirect_uri: redirectUri,
    },
  }),
  revoke: ({ refreshToken }) => ({ body: { client_id: 'seatlease-sdk', token: refreshToken } }),
  metadata: () => ({}),
} satisfies ExamplesOf<typeof contract>;
