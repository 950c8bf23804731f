import type { ExamplesOf } from '../example.ts';
import type contract from './contract.ts';

export default {
  health: () => ({ query: { deep: '1' } }),
} satisfies ExamplesOf<typeof contract>;
