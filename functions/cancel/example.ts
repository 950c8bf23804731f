import type { ExamplesOf } from '../example.ts';
import type contract from './contract.ts';

export default {
  cancel: ({ boughtId }) => ({ body: { license_id: boughtId } }),
  undo: ({ boughtId }) => ({ body: { license_id: boughtId } }),
  pause: ({ boughtId }) => ({ body: { license_id: boughtId, kind: 'collection' } }),
  resume: ({ boughtId }) => ({ body: { license_id: boughtId } }),
} satisfies ExamplesOf<typeof contract>;
