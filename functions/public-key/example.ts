import type { ExamplesOf } from '../example.ts';
import type contract from './contract.ts';

export default {
  publicKey: () => ({}),
  jwks: () => ({}),
  revocations: () => ({}),
} satisfies ExamplesOf<typeof contract>;
