import type { ExamplesOf } from '../example.ts';
import type contract from './contract.ts';

export default {
  start: () => ({ body: { client_id: 'seatlease-sdk' } }),
  page: ({ userCode }) => ({ query: { user_code: userCode } }),
  decide: ({ ticket }) => ({ body: { ticket, decision: 'allow' } }),
} satisfies ExamplesOf<typeof contract>;
