import type { ExamplesOf } from '../example.ts';
import type contract from './contract.ts';

export default {
  list: () => ({}),
  revoke: ({ licenseId, fresh }) => ({ body: { jti: fresh('license'), license_id: licenseId } }),
  undo: ({ revokedId }) => ({ params: { id: revokedId } }),
} satisfies ExamplesOf<typeof contract>;
