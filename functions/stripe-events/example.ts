import type { ExamplesOf } from '../example.ts';
import type contract from './contract.ts';

export default {
  list: () => ({ query: { status: 'set_aside', limit: '10' } }),
  retry: ({ stripeEventId }) => ({ params: { event_id: stripeEventId } }),
} satisfies ExamplesOf<typeof contract>;
