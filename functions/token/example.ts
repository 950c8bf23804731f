import type { ExamplesOf } from '../example.ts';
import type contract from './contract.ts';

export default {
  token: ({ signInCode, codeVerifier, redirectUri }) => ({
    body: {
      grant_type: 'authorization_code',
      code: signInCode,
      code_verifier: codeVerifier,
      redirect_uri: redirectUri,
    },
  }),
  signOut: ({ refreshToken }) => ({ body: { refresh_token: refreshToken } }),
} satisfies ExamplesOf<typeof contract>;
