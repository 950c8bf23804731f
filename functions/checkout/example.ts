import type { ExamplesOf } from '../example.ts';
import type contract from './contract.ts';

export default {
  plans: () => ({}),
  create: ({ tenantId, fresh }) => ({
    body: { tenant_id: tenantId, plan: 'pro', seats: 5 },
    headers: { 'idempotency-key': fresh('order-4711') },
  }),
  portal: ({ tenantId }) => ({ body: { tenant_id: tenantId } }),
} satisfies ExamplesOf<typeof contract>;
