import type { ExamplesOf } from '../example.ts';
import type contract from './contract.ts';

export default {
  ask: () => ({ body: {} }),
  confirm: ({ confirmationToken }) => ({ body: { confirmation_token: confirmationToken } }),
} satisfies ExamplesOf<typeof contract>;
