import type { ExamplesOf } from '../example.ts';
import type contract from './contract.ts';

export default {
  sweep: () => ({}),
} satisfies ExamplesOf<typeof contract>;
