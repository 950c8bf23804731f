import type { ExamplesOf } from '../example.ts';
import type contract from './contract.ts';

export default {
  me: () => ({}),
  list: ({ email }) => ({ query: { email } }),
} satisfies ExamplesOf<typeof contract>;
