import { readFileSync } from 'node:fs';
import * as firebaserules from '@pulumi/gcp/firebaserules/index.js';
import * as firestore from '@pulumi/gcp/firestore/index.js';
import { type CustomResourceOptions, interpolate } from '@pulumi/pulumi';
import * as z from 'zod/mini';
import { after } from './project.ts';
import type { StackSettings } from './settings.ts';

const DAY_SECONDS = 24 * 3600;

const IndexFile = z.object({
  indexes: z.array(
    z.object({
      collectionGroup: z.string(),
      queryScope: z.string(),
      fields: z.array(z.object({ fieldPath: z.string(), order: z.string() })),
    }),
  ),
  fieldOverrides: z.array(
    z.object({
      collectionGroup: z.string(),
      fieldPath: z.string(),
      indexes: z.array(z.object({ order: z.string(), queryScope: z.string() })),
    }),
  ),
});

type FieldOverride = z.infer<typeof IndexFile>['fieldOverrides'][number];

/** The database that functions use, and the indexes that its queries need. */
export interface Records {
  readonly database: firestore.Database;
  readonly indexes: readonly (firestore.Index | firestore.Field)[];
}

/**
 * The databases with their indexes, rules and backups. Returns the one that functions use. They have no TTL policies: the
 * sweep deletes old records by its own rules. A policy needs a field of Firestore's timestamp type, which records do not
 * have and the local store does not know; it deletes up to a day late (https://cloud.google.com/firestore/docs/ttl), and a
 * deletion costs the same. It would save the sweep one read a document: $0.03 for 100,000.
 */
export function makeDatabases(settings: StackSettings, options: CustomResourceOptions): Records {
  const content = readFileSync(new URL('./firestore.rules', import.meta.url), 'utf8');
  const ruleset = new firebaserules.Ruleset(
    'records',
    { source: { files: [{ name: 'firestore.rules', content }] } },
    options,
  );
  const make = (name: string): Records => {
    const made = makeDatabase(name, settings, options);
    new firebaserules.Release(
      name,
      { name: releaseOf(name), rulesetName: interpolate`${ruleset.name}` },
      after(options, made.database),
    );
    return made;
  };
  for (const name of settings.otherDatabases) make(name);
  return make(settings.database);
}

/** All resources are named after the database, so that a change of `database` in the settings replaces none. */
function makeDatabase(
  name: string,
  { firestoreLocation, backups, protect }: StackSettings,
  options: CustomResourceOptions,
): Records {
  const database = new firestore.Database(
    name,
    {
      name,
      locationId: firestoreLocation,
      type: 'FIRESTORE_NATIVE',
      pointInTimeRecoveryEnablement: 'POINT_IN_TIME_RECOVERY_ENABLED',
      deleteProtectionState: protect ? 'DELETE_PROTECTION_ENABLED' : 'DELETE_PROTECTION_DISABLED',
    },
    { ...options, protect },
  );
  new firestore.BackupSchedule(
    `${name}-daily`,
    {
      database: database.name,
      retention: `${backups.retentionDays * DAY_SECONDS}s`,
      dailyRecurrence: {},
    },
    options,
  );
  const { indexes, fieldOverrides } = readIndexes();
  const composite = indexes.map(({ collectionGroup: collection, queryScope, fields }) => {
    const resourceName = [name, collection, ...fields.map(({ fieldPath }) => fieldPath)].join('-');
    const args = { database: database.name, collection, queryScope, fields };
    return new firestore.Index(resourceName, args, options);
  });
  const limitIndexesOf = (
    { collectionGroup: collection, fieldPath: field, indexes }: FieldOverride,
    others: readonly firestore.Field[],
  ): firestore.Field =>
    new firestore.Field(
      [name, collection, field].join('-'),
      { database: database.name, collection, field, indexConfig: indexes.length > 0 ? { indexes } : {} },
      after(options, ...others),
    );
  const isForAll = ({ fieldPath }: FieldOverride): boolean => fieldPath === '*';
  const needed = fieldOverrides
    .filter((override) => !isForAll(override))
    .map((override) => limitIndexesOf(override, []));
  // Last: until a field has an entry of its own, it would lose the index that a query needs.
  for (const override of fieldOverrides.filter(isForAll)) limitIndexesOf(override, needed);
  return { database, indexes: [...composite, ...needed] };
}

/**
 * The name that makes a ruleset the rules of a database. That of a named database is documented by example only
 * (https://github.com/hashicorp/terraform-provider-google/issues/16324).
 */
function releaseOf(database: string): string {
  return database === '(default)' ? 'cloud.firestore' : `cloud.firestore/${database}`;
}

function readIndexes(): z.infer<typeof IndexFile> {
  const text = readFileSync(new URL('./firestore.indexes.json', import.meta.url), 'utf8');
  return z.parse(IndexFile, JSON.parse(text));
}
