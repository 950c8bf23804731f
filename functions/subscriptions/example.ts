import type { ExamplesOf } from '../example.ts';
import type contract from './contract.ts';

export default {
  list: ({ tenantId }) => ({ query: { tenant_id: tenantId } }),
  holds: ({ boughtId }) => ({ params: { license_id: boughtId } }),
  lift: ({ disputedId, disputeId }) => ({
    params: { license_id: disputedId },
    body: { hold: disputeId, reason: 'The customer has paid by wire transfer.' },
  }),
  sync: ({ boughtId }) => ({ params: { license_id: boughtId } }),
  preview: ({ boughtId }) => ({ params: { license_id: boughtId }, body: { seats: 5 } }),
  change: ({ boughtId }) => ({ params: { license_id: boughtId }, body: { seats: 5 } }),
} satisfies ExamplesOf<typeof contract>;
