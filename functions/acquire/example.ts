import type { ExamplesOf } from '../example.ts';
import type contract from './contract.ts';

export default {
  acquire: ({ licenseId, fresh }) => ({
    body: {
      fingerprint: fresh('my-laptop'),
      instance_id: fresh('start'),
      license_id: licenseId,
      process_id: 'process-4711',
      hostname: 'laptop-of-ada',
      app_version: '2026.11.28',
    },
  }),
} satisfies ExamplesOf<typeof contract>;
