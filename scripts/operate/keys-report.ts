import { LONGEST_OFFLINE_DAYS } from '../../shared/domain/entitlement.ts';
import { type Disabling, type RotationStep, signingOne } from '../../shared/domain/key-rotation.ts';
import type { KeyVersion } from '../../shared/ports/signing-keys.ts';

/** One report in two forms: lines for the operator, and JSON for programs. */
interface KeysReport {
  readonly lines: readonly string[];
  readonly json: object;
}

/** With the field names of the API. */
export function toJson({ number, name, keyId, state, createdAtMs, isCurrent }: KeyVersion) {
  return { number, name, key_id: keyId, state, created_at: at(createdAtMs), is_current: isCurrent };
}

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

/** Warns if `SIGNING_KEY_VERSION` names no version that can sign. */
export function warnIfNothingSigns(versions: readonly KeyVersion[]): string[] {
  return signingOne(versions)
    ? []
    : ['Nothing can be signed now: SIGNING_KEY_VERSION names no enabled version.'];
}

/** `created`: the new version, if the step was done and not only reported. */
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
          `Next: wait until ${at(step.untilMs)}${step.version.state === 'pending' ? ' or later: KMS is still creating it' : ''}.`,
          `By then every client that caches the published keys has version ${step.version.number}. Then run this again.`,
        ],
        json: { version: toJson(step.version), until: at(step.untilMs) },
      };
    case 'pin':
      return {
        lines: [
          `Next: sign with version ${step.version.number}, which is published. Set`,
          `  SIGNING_KEY_VERSION=${step.version.name}`,
          'and deploy. Note when the deploy ended: the time until you can disable the old version starts then.',
        ],
        json: { version: toJson(step.version), set: { SIGNING_KEY_VERSION: step.version.name } },
      };
    case 'retire':
      return {
        lines: [
          `Next: disable the old versions, ${LONGEST_OFFLINE_DAYS} days after the deploy that set the current version has ended.`,
          'That date is in your notes, not here. Until then, licenses signed earlier may still be valid.',
          `It cannot be before ${at(step.notBeforeMs)}. Then run, for each version:`,
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
      `Next: create a version. ${current ? `None is newer than ${current.number}` : 'None is newer than the existing ones'}.`,
      'It is published once it is enabled, and signs nothing until SIGNING_KEY_VERSION names it.',
      'Nothing was changed. To create it, run this again with --apply.',
    ],
    json: {},
  };
}

function reportCreated(version: KeyVersion): KeysReport {
  return {
    lines: [
      `Created version ${version.number} (${version.keyId}), ${version.state}.`,
      'It is published once it is enabled, and signs nothing until SIGNING_KEY_VERSION names it.',
      'Run this again to see when you can set it.',
    ],
    json: { version: toJson(version) },
  };
}

/** `isApplied`: the version was disabled, not only reported. */
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
    return { lines: [`Version ${version.number} is already out of use (${version.state}).`], json };
  }
  const early = json.not_before === null ? [] : [`That cannot be before ${json.not_before}.`];
  const last = isApplied
    ? 'To undo this, enable the version again in Cloud KMS.'
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
  'Licenses signed with it no longer verify for clients that fetch the keys, usually within minutes. Clients that cannot fetch the keys, or have them in their build, still accept them.';

const BREAKS: Readonly<Record<Exclude<Disabling<never>['verdict'], 'UNKNOWN'>, readonly string[]>> = {
  OUT_OF_USE: [],
  SIGNS: [
    'No license is signed until SIGNING_KEY_VERSION names another version: keys rotate --compromised shows which.',
    NO_LONGER_VERIFIES,
  ],
  HAS_SIGNED: [
    NO_LONGER_VERIFIES,
    `All of them have ended ${LONGEST_OFFLINE_DAYS} days after the deploy that set another version.`,
  ],
  UNUSED: ['Nothing was signed with it, unless it was deployed earlier and then replaced.'],
};

function at(ms: number): string {
  return new Date(ms).toISOString();
}
