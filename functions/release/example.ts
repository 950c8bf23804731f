import type { ExamplesOf } from '../example.ts';
import type contract from './contract.ts';

export default {
  release: ({ sessionId, sessionToken }) => ({
    body: { session_id: sessionId, session_token: sessionToken },
  }),
  end: ({ sessionId }) => ({ params: { session_id: sessionId } }),
} satisfies ExamplesOf<typeof contract>;
