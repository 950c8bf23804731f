import { QUERIES } from '../../../shared/ports/queries.ts';
import { type Check, differences, expected, KEY, of } from './stack.ts';

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

  'every query in shared/ports/queries.ts has its index': ({ graph }) => {
    const existing = of(graph, 'gcp:firestore/index:Index').map(({ inputs }) =>
      [
        inputs.collection,
        inputs.queryScope,
        ...inputs.fields.map(
          ({ fieldPath, order }: { fieldPath: string; order: string }) => `${fieldPath} ${order}`,
        ),
      ].join(', '),
    );
    const required = QUERIES.filter(({ where }) => where.length > 0).map(({ collection, where, orderBy }) =>
      [
        collection.name,
        'COLLECTION',
        ...where.map((field) => `${field} ASCENDING`),
        `${orderBy.field} ${orderBy.direction === 'asc' ? 'ASCENDING' : 'DESCENDING'}`,
      ].join(', '),
    );
    return differences('index', existing, required);
  },

  'records can be restored, and no client can read them directly': ({ graph, settings }) => {
    const [database] = of(graph, 'gcp:firestore/database:Database');
    const [backup] = of(graph, 'gcp:firestore/backupSchedule:BackupSchedule');
    const [ruleset] = of(graph, 'gcp:firebaserules/ruleset:Ruleset');
    const [release] = of(graph, 'gcp:firebaserules/release:Release');
    const rules: string = ruleset?.inputs.source.files[0]?.content ?? '';
    return expected('records', [
      ['mode', database?.inputs.type, 'FIRESTORE_NATIVE'],
      ['location', database?.inputs.locationId, settings.firestoreLocation],
      [
        'point-in-time recovery',
        database?.inputs.pointInTimeRecoveryEnablement,
        'POINT_IN_TIME_RECOVERY_ENABLED',
      ],
      [
        'delete protection',
        database?.inputs.deleteProtectionState,
        settings.protect ? 'DELETE_PROTECTION_ENABLED' : 'DELETE_PROTECTION_DISABLED',
      ],
      ['protected', database?.protect, settings.protect],
      ['daily backup', backup?.inputs.dailyRecurrence !== undefined, true],
      ['backups kept', backup?.inputs.retention, '604800s'],
      ['rules that allow access', /allow(?![^;]*: if false;)/.test(rules), false],
      ['the rule that denies all', rules.includes('allow read, write: if false;'), true],
      ['release', release?.inputs.name, 'cloud.firestore'],
    ]);
  },
} as const satisfies Readonly<Record<string, Check>>;
