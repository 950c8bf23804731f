import { dependenciesOf, settingsOf } from '../../../shared/http/dependencies.ts';
import * as collections from '../../../shared/ports/collections.ts';
import { QUERIES } from '../../../shared/ports/queries.ts';
import { keyOf } from '../graph.ts';
import { grantsOfCopy, missing } from './grants.ts';
import {
  type Check,
  differences,
  eachFunction,
  emailOf,
  expected,
  JOB,
  KEY,
  of,
  PROJECT_ROLE,
  type Stack,
} from './stack.ts';

/** Keys and records. */
export const DATA_CHECKS = {
  'the signing key has the right algorithm, audit logs and protection in every stack': ({
    graph,
    settings,
  }) => {
    const [key, ...others] = of(graph, KEY);
    const [ring] = of(graph, 'gcp:kms/keyRing:KeyRing');
    const audits = of(graph, 'gcp:projects/iAMAuditConfig:IAMAuditConfig').flatMap(({ inputs }) =>
      inputs.auditLogConfigs.map(({ logType }: { logType: string }) => `${inputs.service} ${logType}`),
    );
    return [
      ...expected('key', [
        ['number of others', others.length, 0],
        ['protected', key?.protect, true],
        ['protected ring', ring?.protect, true],
        ['location', ring?.inputs.location, settings.region],
        ['purpose', key?.inputs.purpose, 'ASYMMETRIC_SIGN'],
        ['algorithm', key?.inputs.versionTemplate?.algorithm, 'RSA_SIGN_PKCS1_4096_SHA256'],
        ['protection', key?.inputs.versionTemplate?.protectionLevel, settings.signingKey.protectionLevel],
      ]),
      ...['DATA_READ', 'DATA_WRITE']
        .filter((logType) => !audits.includes(`cloudkms.googleapis.com ${logType}`))
        .map((logType) => `${logType} of keys is not logged`),
    ];
  },

  'every query in shared/ports/queries.ts has its index': ({ graph, settings }) => {
    const existing = of(graph, 'gcp:firestore/index:Index').map(({ inputs }) =>
      [
        inputs.database,
        inputs.collection,
        inputs.queryScope,
        ...inputs.fields.map(
          ({ fieldPath, order }: { fieldPath: string; order: string }) => `${fieldPath} ${order}`,
        ),
      ].join(', '),
    );
    const required = databasesOf(settings).flatMap((database) =>
      QUERIES.filter(({ where }) => where.length > 0).map(({ collection, where, orderBy }) =>
        [
          database,
          collection.name,
          'COLLECTION',
          ...where.map((field) => `${field} ASCENDING`),
          `${orderBy.field} ${orderBy.direction === 'asc' ? 'ASCENDING' : 'DESCENDING'}`,
        ].join(', '),
      ),
    );
    return differences('index', existing, required);
  },

  'Firestore indexes no single field that no query needs, and each that one does': ({ graph, settings }) => {
    const fields = of(graph, 'gcp:firestore/field:Field');
    const existing = fields.flatMap(({ inputs: { database, collection, field, indexConfig } }): string[] => {
      const indexes: { order: string; queryScope: string }[] = indexConfig.indexes ?? [];
      const orders =
        indexes.length > 0 ? indexes.map(({ order, queryScope }) => `${order} ${queryScope}`) : [''];
      return orders.map((order) => `${database}/${collection}/${field}: ${order}`);
    });
    const required = databasesOf(settings).flatMap((database) => [
      ...new Set(Object.values(collections).map(({ name }) => `${database}/${name}/*: `)),
      ...QUERIES.filter(({ where }) => where.length === 0).map(
        ({ collection, orderBy: { field, direction } }) =>
          `${database}/${collection.name}/${field}: ${direction.toUpperCase()}ENDING COLLECTION`,
      ),
    ]);
    const needed = fields.filter(({ inputs }) => inputs.field !== '*');
    return [
      ...differences('indexed field', existing, required),
      ...fields
        .filter(({ inputs }) => inputs.field === '*')
        .flatMap(({ name, inputs, dependsOn }) =>
          needed
            .filter((field) => field.inputs.database === inputs.database && !dependsOn.includes(keyOf(field)))
            .map((field) => `${name}: does not wait for ${field.name}`),
        ),
    ];
  },

  'functions use the database of the settings': (stack) =>
    eachFunction(stack, (contract, { inputs }) => {
      const { FIRESTORE_DATABASE } = inputs.serviceConfig.environmentVariables;
      return settingsOf(dependenciesOf(contract)).includes('FIRESTORE_DATABASE')
        ? expected(contract.name, [['database', FIRESTORE_DATABASE, stack.settings.database]])
        : [];
    }),

  'records can be restored for as long as the settings say': ({ graph, settings }) => {
    const databases = of(graph, 'gcp:firestore/database:Database');
    const schedules = of(graph, 'gcp:firestore/backupSchedule:BackupSchedule');
    return [
      ...differences(
        'database',
        databases.map(({ inputs }) => inputs.name),
        databasesOf(settings),
      ),
      ...databases.flatMap(({ inputs, protect }) => {
        const backups = schedules.filter((schedule) => schedule.inputs.database === inputs.name);
        return expected(inputs.name, [
          ['mode', inputs.type, 'FIRESTORE_NATIVE'],
          ['location', inputs.locationId, settings.firestoreLocation],
          ['point-in-time recovery', inputs.pointInTimeRecoveryEnablement, 'POINT_IN_TIME_RECOVERY_ENABLED'],
          [
            'delete protection',
            inputs.deleteProtectionState,
            settings.protect ? 'DELETE_PROTECTION_ENABLED' : 'DELETE_PROTECTION_DISABLED',
          ],
          ['protected', protect, settings.protect],
          ['number of schedules', backups.length, 1],
          ['daily', backups[0]?.inputs.dailyRecurrence !== undefined, true],
          [
            'days kept',
            Number.parseInt(backups[0]?.inputs.retention, 10) / 86_400,
            settings.backups.retentionDays,
          ],
        ]);
      }),
    ];
  },

  'records are copied out of the project if the stack has a bucket for that': (stack) => {
    const { project, region, database, backups } = stack.settings;
    const jobs = of(stack.graph, JOB).filter(({ inputs }) => /firestore/.test(inputs.httpTarget.uri));
    if (!backups.copy) return jobs.map(({ name }) => `${name}: is not configured`);
    const [job] = jobs;
    const { httpTarget } = job?.inputs ?? {};
    const body = Buffer.from(httpTarget?.body ?? 'e30=', 'base64').toString();
    return [
      ...expected('copy', [
        ['number of jobs', jobs.length, 1],
        ['region', job?.inputs.region, region],
        ['schedule', job?.inputs.schedule, backups.copy.schedule],
        ['paused', job?.inputs.paused ?? false, false],
        ['method', httpTarget?.httpMethod, 'POST'],
        [
          'call',
          httpTarget?.uri,
          `https://firestore.googleapis.com/v1/projects/${project}/databases/${database}:exportDocuments`,
        ],
        // A folder would be the same for each copy, and Firestore writes no second one to it.
        ['request', JSON.parse(body), { outputUriPrefix: `gs://${backups.copy.bucket}` }],
        ['account', httpTarget?.oauthToken?.serviceAccountEmail, emailOf('seatlease-copy', stack)],
        ['kind of token', httpTarget?.oidcToken, undefined],
        [
          'waits for its role',
          job?.dependsOn.includes(`${PROJECT_ROLE} seatlease-copy-datastore.importExportAdmin`),
          true,
        ],
      ]),
      ...missing(stack.graph, grantsOfCopy(stack)),
    ];
  },

  'no client can read the records directly': ({ graph, settings }) => {
    const rulesets = of(graph, 'gcp:firebaserules/ruleset:Ruleset');
    const releases = of(graph, 'gcp:firebaserules/release:Release');
    return [
      ...differences(
        'rules of',
        releases.map(({ inputs }) => inputs.name),
        databasesOf(settings).map((name) =>
          name === '(default)' ? 'cloud.firestore' : `cloud.firestore/${name}`,
        ),
      ),
      ...rulesets.flatMap(({ inputs }) => {
        const rules: string = inputs.source.files[0].content;
        return expected('rules', [
          ['rules that allow access', /allow(?![^;]*: if false;)/.test(rules), false],
          ['the rule that denies all', rules.includes('allow read, write: if false;'), true],
        ]);
      }),
    ];
  },
} as const satisfies Readonly<Record<string, Check>>;

function databasesOf({ database, otherDatabases }: Stack['settings']): string[] {
  return [database, ...otherDatabases];
}
