import type { ExamplesOf } from '../example.ts';
import type contract from './contract.ts';

export default {
  list: ({ tenantId }) => ({ query: { tenant_id: tenantId } }),
  verify: ({ tenantId }) => ({ query: { tenant_id: tenantId } }),
} satisfies ExamplesOf<typeof contract>;
