import type { ExamplesOf } from '../example.ts';
import type contract from './contract.ts';

export default {
  authorize: ({ redirectUri }) => ({
    query: {
      client_id: 'seatlease-sdk',
      redirect_uri: redirectUri,
      response_type: 'code',
      state: 'a-word-of-your-own',
      // RFC 7636, appendix B.
      code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
      code_challenge_method: 'S256',
    },
  }),
} satisfies ExamplesOf<typeof contract>;
