import type { ExamplesOf } from '../example.ts';
import type contract from './contract.ts';

export default {
  activate: ({ tenantId, fresh }) => ({ body: { tenant_id: tenantId, fingerprint: fresh('my-laptop') } }),
} satisfies ExamplesOf<typeof contract>;
