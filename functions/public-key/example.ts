import type { ExamplesOf } from '../example.ts';
import type contract from './contract.ts';

export default {
  publicKey: () => ({}),
  jwks: () => ({}),
} satisfies ExamplesOf<typeof contract>;
