import type { ExamplesOf } from '../example.ts';
import type contract from './contract.ts';

export default {
  record: ({ licenseId, sessionId, sessionToken, fresh }) => ({
    body: {
      id: fresh('export-4711'),
      meter: 'exports',
      quantity: 1,
      license_id: licenseId,
      session_id: sessionId,
      session_token: sessionToken,
    },
  }),
  records: ({ licenseId }) => ({ params: { license_id: licenseId }, query: { state: 'refused' } }),
  void: ({ licenseId, usageId }) => ({
    body: { license_id: licenseId, ids: [usageId], reason: 'recorded by a stolen key' },
  }),
  errors: () => ({}),
  totals: ({ licenseId }) => ({ query: { license_id: licenseId } }),
} satisfies ExamplesOf<typeof contract>;
