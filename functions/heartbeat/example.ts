import type { ExamplesOf } from '../example.ts';
import type contract from './contract.ts';

export default {
  heartbeat: ({ sessionId, sessionToken }) => ({
    body: { session_id: sessionId, session_token: sessionToken },
  }),
} satisfies ExamplesOf<typeof contract>;
