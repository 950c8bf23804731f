import { type License, LicenseSchema, type Tenant, TenantSchema } from '../domain/license.ts';
import type { Collection, Query } from './records.ts';

/** Every collection, and every query that is ever asked of one: Firestore needs an index for each. */

export const LICENSES: Collection<License> = { name: 'licenses', schema: LicenseSchema };
export const TENANTS: Collection<Tenant> = { name: 'tenants', schema: TenantSchema };

export const ALL_LICENSES: Query<License> = {
  name: 'all-licenses',
  collection: LICENSES,
  where: [],
  orderBy: { field: 'createdAtMs', direction: 'desc' },
};
export const LICENSES_OF_TENANT: Query<License> = {
  name: 'licenses-of-tenant',
  collection: LICENSES,
  where: ['tenantId'],
  orderBy: { field: 'createdAtMs', direction: 'desc' },
};

/** The query catalogue. `npm run generate` makes Firestore's index file from it. */
export const QUERIES = [ALL_LICENSES, LICENSES_OF_TENANT] as const;
