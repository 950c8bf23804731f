import type { ExamplesOf } from '../example.ts';
import type contract from './contract.ts';

export default {
  create: ({ tenantId }) => ({ body: { tenant_id: tenantId, max: 5 } }),
  list: ({ tenantId }) => ({ query: { tenant_id: tenantId } }),
  read: ({ licenseId }) => ({ params: { license_id: licenseId } }),
  change: ({ licenseId }) => ({ params: { license_id: licenseId }, body: { max: 5 } }),
  rotateKey: ({ licenseId }) => ({ params: { license_id: licenseId } }),
  usage: ({ licenseId }) => ({ params: { license_id: licenseId } }),
} satisfies ExamplesOf<typeof contract>;
