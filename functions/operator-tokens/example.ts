import type { ExamplesOf } from '../example.ts';
import type contract from './contract.ts';

export default {
  create: () => ({
    body: { name: 'Nightly report', scopes: ['licenses:read', 'usage:read'], expires_in_days: 30 },
  }),
  list: () => ({ query: { limit: '10' } }),
  read: ({ operatorTokenId }) => ({ params: { token_id: operatorTokenId } }),
  revoke: ({ operatorTokenId }) => ({ params: { token_id: operatorTokenId } }),
} satisfies ExamplesOf<typeof contract>;
