import type { ExamplesOf } from '../example.ts';
import type contract from './contract.ts';

export default {
  callback: ({ providerCode, providerState, signInCookie }) => ({
    query: { code: providerCode, state: providerState },
    headers: { cookie: signInCookie },
  }),
} satisfies ExamplesOf<typeof contract>;
