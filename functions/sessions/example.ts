import type { ExamplesOf } from '../example.ts';
import type contract from './contract.ts';

export default {
  list: ({ licenseId }) => ({ query: { license_id: licenseId } }),
  history: ({ licenseId }) => ({ query: { license_id: licenseId } }),
} satisfies ExamplesOf<typeof contract>;
