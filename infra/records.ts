import { readFileSync } from 'node:fs';
import * as firebaserules from '@pulumi/gcp/firebaserules/index.js';
import * as firestore from '@pulumi/gcp/firestore/index.js';
import { type CustomResourceOptions, interpolate } from '@pulumi/pulumi';
import * as z from 'zod/mini';
import { DATABASE } from './names.ts';
import { after } from './project.ts';
import type { StackSettings } from './settings.ts';

/** As long as point-in-time recovery reaches back: a week after an erasure, neither has the erased data. */
const BACKUPS_KEPT_SECONDS = 7 * 24 * 3600;

const IndexFile = z.object({
  indexes: z.array(
    z.object({
      collectionGroup: z.string(),
      queryScope: z.string(),
      fields: z.array(z.object({ fieldPath: z.string(), order: z.string() })),
    }),
  ),
});

/**
 * The database with its indexes, rules and backups. It has no TTL policies: those need Firestore's timestamp type, and
 * records have milliseconds. The sweep deletes old records instead, by its own rules.
 */
export function makeDatabase(
  { firestoreLocation, protect }: StackSettings,
  options: CustomResourceOptions,
): firestore.Database {
  const database = new firestore.Database(
    'records',
    {
      name: DATABASE,
      locationId: firestoreLocation,
      type: 'FIRESTORE_NATIVE',
      pointInTimeRecoveryEnablement: 'POINT_IN_TIME_RECOVERY_ENABLED',
      deleteProtectionState: protect ? 'DELETE_PROTECTION_ENABLED' : 'DELETE_PROTECTION_DISABLED',
    },
    { ...options, protect },
  );
  new firestore.BackupSchedule(
    'daily',
    { database: database.name, retention: `${BACKUPS_KEPT_SECONDS}s`, dailyRecurrence: {} },
    options,
  );

  for (const { collectionGroup: collection, queryScope, fields } of indexes()) {
    const resourceName = [collection, ...fields.map(({ fieldPath }) => fieldPath)].join('-');
    new firestore.Index(resourceName, { database: database.name, collection, queryScope, fields }, options);
  }

  const content = readFileSync(new URL('./firestore.rules', import.meta.url), 'utf8');
  const ruleset = new firebaserules.Ruleset(
    'records',
    { source: { files: [{ name: 'firestore.rules', content }] } },
    after(options, database),
  );
  new firebaserules.Release(
    'records',
    { name: 'cloud.firestore', rulesetName: interpolate`${ruleset.name}` },
    options,
  );
  return database;
}

function indexes() {
  const text = readFileSync(new URL('./firestore.indexes.json', import.meta.url), 'utf8');
  return z.parse(IndexFile, JSON.parse(text)).indexes;
}
