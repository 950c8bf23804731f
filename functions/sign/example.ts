import type { ExamplesOf } from '../example.ts';
import type contract from './contract.ts';

export default {
  sign: ({ sessionId }) => ({ body: { session_id: sessionId } }),
} satisfies ExamplesOf<typeof contract>;
