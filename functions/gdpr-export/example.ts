import type { ExamplesOf } from '../example.ts';
import type contract from './contract.ts';

export default {
  person: () => ({}),
  tenant: ({ tenantId }) => ({ params: { tenant_id: tenantId } }),
} satisfies ExamplesOf<typeof contract>;
