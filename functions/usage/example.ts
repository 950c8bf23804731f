import type { ExamplesOf } from '../example.ts';
import type contract from './contract.ts';

export default {
  record: ({ licenseId, fresh }) => ({
    body: { id: fresh('export-4711'), meter: 'exports', quantity: 1, license_id: licenseId },
  }),
  totals: ({ licenseId }) => ({ query: { license_id: licenseId } }),
} satisfies ExamplesOf<typeof contract>;
