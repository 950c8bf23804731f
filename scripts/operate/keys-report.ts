import { LONGEST_OFFLINE_DAYS } from '../../shared/domain/entitlement.ts';
import { type Disabling, type RotationStep, signingOne } from '../../shared/domain/key-rotation.ts';
import type { KeyVersion } from '../../shared/ports/signing-keys.ts';

/** The same for people, a line each, and for programs. */
interface KeysReport {
  readonly lines: readonly string[];
  readonly json: object;
}

/** Under the names that answers of the API have, too. */
export function toJson({ number, name, keyId, state, createdAtMs, isCurrent }: KeyVersion) {
  return { number, name, key_id: keyId, state, created_at: at(createdAtMs), is_current: isCurrent };
}

/** A line each. */
export function formatVersions(versions: readonly KeyVersion[]): string[] {
  return versions.map(({ number, state, createdAtMs, keyId, isCurrent }) =>
    [
      String(number).padStart(3),
      state.padEnd(8),
      at(createdAtMs),
      keyId,
      ...(isCurrent ? ['<- SIGNING_KEY_VERSION'] : []),
    ].join('  '),
  );
}

/** A warning, where the configuration names no version that can sign. */
export function warnIfNothingSigns(versions: readonly KeyVersion[]): string[] {
  return signingOne(versions)
    ? []
    : ['Now nothing can be signed: SIGNING_KEY_VERSION names no version that is in use.'];
}

/** `created`: the version, where the step was carried out and not only reported. */
export function reportStep(
  step: RotationStep<KeyVersion>,
  versions: readonly KeyVersion[],
  created: KeyVersion | undefined,
): KeysReport {
  switch (step.step) {
    case 'create':
      return created ? reportCreated(created) : reportMissing(versions);
    case 'wait':
      return {
        lines: [
          `Next: wait until ${at(step.untilMs)}${step.version.state === 'pending' ? ' at the least: it is still being made' : ''}.`,
          `By then whoever keeps the published keys has version ${step.version.number}. Then run this again.`,
        ],
        json: { version: toJson(step.version), until: at(step.untilMs) },
      };
    case 'pin':
      return {
        lines: [
          `Next: sign with version ${step.version.number}, which is published. Set`,
          `  SIGNING_KEY_VERSION=${step.version.name}`,
          'and deploy. Note when the deploy has ended: what is to be disabled later counts from there.',
        ],
        json: { version: toJson(step.version), set: { SIGNING_KEY_VERSION: step.version.name } },
      };
    case 'retire':
      return {
        lines: [
          `Next: take out of use what signs no more, ${LONGEST_OFFLINE_DAYS} days after the deploy that named the version in use has ended:`,
          'the date is in your notes, not here. Until then licenses signed before it may count.',
          `It cannot be before ${at(step.notBeforeMs)}. Then, for each:`,
          ...step.versions.map(({ number }) => `  npm run operate -- keys disable --version ${number}`),
        ],
        json: { versions: step.versions.map(toJson), not_before: at(step.notBeforeMs) },
      };
  }
}

function reportMissing(versions: readonly KeyVersion[]): KeysReport {
  const current = versions.find(({ isCurrent }) => isCurrent);
  return {
    lines: [
      `Next: make a version: none is newer than ${current ? current.number : 'those there are'}.`,
      'It is published once it is enabled, and signs nothing until SIGNING_KEY_VERSION names it.',
      'Nothing was changed. To make it, run this again with --apply.',
    ],
    json: {},
  };
}

function reportCreated(version: KeyVersion): KeysReport {
  return {
    lines: [
      `Made version ${version.number} (${version.keyId}), ${version.state}.`,
      'It is published once it is enabled, and signs nothing until SIGNING_KEY_VERSION names it.',
      'Run this again to see when that may be.',
    ],
    json: { version: toJson(version) },
  };
}

/** `isApplied`: it was carried out and not only reported. */
export function reportDisabling(
  found: Exclude<Disabling<KeyVersion>, { verdict: 'UNKNOWN' }>,
  isApplied: boolean,
): KeysReport {
  const { version, verdict } = found;
  const json = {
    version: toJson(version),
    applied: isApplied,
    breaks: BREAKS[verdict],
    not_before: verdict === 'HAS_SIGNED' ? at(found.untilMs) : null,
  };
  if (verdict === 'OUT_OF_USE') {
    return { lines: [`Version ${version.number} is out of use already (${version.state}).`], json };
  }
  const early = json.not_before === null ? [] : [`That cannot be before ${json.not_before}.`];
  const last = isApplied
    ? 'To take it back, enable it again where the key is kept.'
    : 'Nothing was changed. To do it, run this again with --apply.';
  return {
    lines: [
      `${isApplied ? 'Disabled' : 'Would disable'} version ${version.number} (${version.keyId}).`,
      ...json.breaks,
      ...early,
      last,
    ],
    json,
  };
}

const NO_LONGER_VERIFIES =
  'Licenses signed with it no longer verify for clients that fetch the keys, as a rule within minutes. Clients that cannot fetch them, or have them in their build, go on.';

const BREAKS: Readonly<Record<Exclude<Disabling<never>['verdict'], 'UNKNOWN'>, readonly string[]>> = {
  OUT_OF_USE: [],
  SIGNS: [
    'No license is signed until SIGNING_KEY_VERSION names another version: keys rotate --compromised says which.',
    NO_LONGER_VERIFIES,
  ],
  HAS_SIGNED: [
    NO_LONGER_VERIFIES,
    `None of them counts any more ${LONGEST_OFFLINE_DAYS} days after the deploy that named another version has ended.`,
  ],
  UNUSED: ['Nothing was signed with it, unless it was deployed once and taken back.'],
};

function at(ms: number): string {
  return new Date(ms).toISOString();
}
