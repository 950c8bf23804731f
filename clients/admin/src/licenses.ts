import * as z from 'zod/mini';
import licenses from '../../../functions/licenses/contract.ts';
import { LONGEST_KEY_OVERLAP_SECONDS } from '../../../shared/domain/license.ts';
import { PLAN_NAMES } from '../../../shared/domain/plans.ts';
import { choice, optional, wholeNumber } from '../../command-line/options.ts';
import { type Command, defineCommand, EXIT } from '../../command-line/program.ts';
import type { AnswerOf, Api } from './api.ts';
import { type Column, facts } from './format.ts';
import { firstRows, formatList, type Rows } from './lists.ts';
import { License, Limit, Seats, Tenant } from './options.ts';

type LicenseView = AnswerOf<typeof licenses.endpoints.change>;

export const LICENSE_COLUMNS: readonly Column<LicenseView>[] = [
  ['LICENSE', ({ license_id }) => license_id],
  ['SEATS', ({ max }) => max],
  ['UNIT', ({ unit }) => unit],
  ['PLAN', ({ plan }) => plan],
  ['STATUS', ({ status, hold }) => (hold === null ? status : `${status} (${hold})`)],
  ['VALID UNTIL', ({ valid_until }) => valid_until],
];
const LICENSE_AND_TENANT: readonly Column<LicenseView>[] = [
  ...LICENSE_COLUMNS,
  ['TENANT', ({ tenant_id }) => tenant_id],
];

export const LICENSES_COMMANDS: readonly Command<Api>[] = [
  defineCommand('licenses list', {
    summary: 'Lists licenses, newest first.',
    options: z.object({ tenant: optional(Tenant), limit: Limit }),
    async run({ tenant, limit }, api: Api) {
      const found = await licensesOf(api, tenant, limit);
      return {
        exit: EXIT.ok,
        text: formatList(found, 'licenses', LICENSE_AND_TENANT).join('\n'),
        json: { licenses: found.rows, more: found.more },
      };
    },
  }),
  defineCommand('licenses show', {
    summary: 'Shows the terms of a license and the number of seats taken now.',
    options: z.object({ license: License }),
    async run({ license: license_id }, api: Api) {
      const { seats, ...license } = await api.call(licenses, 'read', { params: { license_id } });
      const taken = `${seats.active} of ${seats.max} taken`;
      return { exit: EXIT.ok, text: formatLicense(license, taken), json: { license: { ...license, seats } } };
    },
  }),
  defineCommand('licenses create', {
    summary: 'Creates a license and shows its key once.',
    options: z.object({
      tenant: Tenant,
      max: Seats,
      unit: optional(choice(['machine', 'user', 'process'])),
      plan: optional(choice(PLAN_NAMES)),
    }),
    async run({ tenant: tenant_id, ...terms }, api: Api) {
      const { license_key, ...license } = await api.call(licenses, 'create', {
        body: { tenant_id, ...terms },
      });
      return {
        exit: EXIT.ok,
        text: [formatLicense(license), ...key(license_key)].join('\n'),
        json: { license, license_key },
      };
    },
  }),
  defineCommand('licenses change', {
    summary: 'Resizes, suspends or reinstates a license. If it shrinks, the newest seats beyond it end.',
    options: z
      .object({ license: License, max: optional(Seats), status: optional(choice(['active', 'suspended'])) })
      .check(
        z.refine(({ max, status }) => max !== undefined || status !== undefined, 'Pass --max or --status'),
      ),
    async run({ license: license_id, ...terms }, api: Api) {
      const license = await api.call(licenses, 'change', { params: { license_id }, body: terms });
      return { exit: EXIT.ok, text: formatLicense(license), json: { license } };
    },
  }),
  defineCommand('licenses rotate-key', {
    summary: 'Creates a new key for a license and shows it once. The old key ends now, or after the overlap.',
    options: z.object({
      license: License,
      overlapSeconds: optional(wholeNumber(0, LONGEST_KEY_OVERLAP_SECONDS)),
    }),
    async run({ license: license_id, overlapSeconds: overlap_seconds = 0 }, api: Api) {
      const { license_key, ...license } = await api.call(licenses, 'rotateKey', {
        params: { license_id },
        body: { overlap_seconds },
      });
      return {
        exit: EXIT.ok,
        text: [
          `${license_id} has a new key.`,
          ...key(license_key),
          overlap_seconds === 0
            ? 'The old key is no longer valid.'
            : `The old key is valid for ${overlap_seconds} s more.`,
        ].join('\n'),
        json: { license, license_key },
      };
    },
  }),
];

/** The newest licenses of one tenant, or of all tenants. */
export function licensesOf(
  api: Api,
  tenant_id: string | undefined,
  limit: number,
): Promise<Rows<LicenseView>> {
  return firstRows(
    limit,
    (paging) => api.call(licenses, 'list', { query: { tenant_id, ...paging } }),
    (page) => page.licenses,
    (license) => license.license_id,
  );
}

function key(licenseKey: string): string[] {
  return ['The key, shown only now (the server stores its hash):', `  ${licenseKey}`];
}

function formatLicense(license: LicenseView, seats = `${license.max}`): string {
  const { borrow, overdraft, offline_grace_days } = license;
  return [
    license.license_id,
    ...facts([
      ['tenant', license.tenant_id],
      ['status', statusOf(license)],
      ['seats', overdraft === 0 ? seats : `${seats}, plus an overdraft of ${overdraft}`],
      ['counted by', license.unit],
      ['plan', license.plan],
      ['paid by', payerOf(license)],
      ['features', license.features.join(', ') || 'none'],
      ['limits', limitsOf(license)],
      ['valid until', license.valid_until ?? 'unlimited'],
      ['lease', `${license.ttl_seconds} s, with a heartbeat every ${license.heartbeat_seconds} s`],
      ['programs', `at most ${license.max_sessions} on one seat`],
      ['borrowing', borrowingOf(borrow)],
      ['offline grace', `${offline_grace_days} days`],
      ['offline start', `${license.offline_start_days} days`],
      ['signed for', `at most ${license.signed_limit} machines`],
      ['overrides', license.overrides.join(', ') || 'none'],
      ['created', license.created_at],
      ['changed', license.updated_at],
    ]),
  ].join('\n');
}

function limitsOf({ limits }: LicenseView): string {
  const each = Object.entries(limits).map(([name, limit]) => `${name} ${limit}`);
  return each.join(', ') || 'none';
}

const HOLD_REASONS: Readonly<Record<NonNullable<LicenseView['hold']>, string>> = {
  payment: 'a payment is missing',
  paused: 'the subscription is paused',
  dispute: 'a payment is disputed',
  refund: 'the payment was refunded',
};

function statusOf({ status, hold }: LicenseView): string {
  return hold === null ? status : `${status}: ${HOLD_REASONS[hold]}`;
}

function payerOf({ subscription_id, trial }: LicenseView): string {
  return subscription_id ?? (trial ? 'trial' : 'no subscription');
}

function borrowingOf({ max_days, low_water }: LicenseView['borrow']): string {
  if (max_days === 0) return 'not allowed';
  const kept = low_water === 0 ? '' : `; ${low_water} seats are never lent`;
  return `at most ${max_days} days${kept}`;
}
