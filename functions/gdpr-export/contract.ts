import * as z from 'zod/mini';
import { accessOf, ROLES } from '../../shared/domain/authorization.ts';
import { EventJson } from '../../shared/domain/event-message.ts';
import { COMMON_SECRETS, defineFunction } from '../../shared/http/contract.ts';
import {
  LicenseId,
  PERIOD,
  periodIsInOrder,
  SessionId,
  TenantId,
  Timestamp,
  UserId,
} from '../../shared/http/fields.ts';
import { SessionHistoryView } from '../../shared/http/history-view.ts';
import { LicenseFields } from '../../shared/http/license-view.ts';
import { SubscriptionFields } from '../../shared/http/subscription-view.ts';
import { InvitationView, MemberView, TenantView } from '../../shared/http/tenant-view.ts';

const Whole = {
  exported_at: Timestamp,
  /** False where there is more than one file holds: ask again for shorter periods, with from and to. */
  complete: z.boolean(),
};

const ExportedInvitation = z.strictObject({ ...InvitationView.shape, tenant_id: TenantId });

/** A session of which we still know what its client said: it holds a seat, or its lease ran out within the last hour. */
const ExportedSession = z.strictObject({
  session_id: SessionId,
  license_id: LicenseId,
  /** The pseudonym that the seat is counted by: of the machine, the user or the process. */
  holder: z.string(),
  /** Whether it holds a seat now. */
  is_seated: z.boolean(),
  /** What tells the machine from others, as the app made it. */
  fingerprint: z.string(),
  /** The machine's name, where the app told it. */
  hostname: z.nullable(z.string()),
  /** The user's id here, or the one that the vendor's app gave. */
  user_id: z.nullable(z.string()),
  /** The process on the machine, where the license counts those. */
  process_id: z.nullable(z.string()),
  app_version: z.nullable(z.string()),
});

const ExportedEvent = z.strictObject({
  ...EventJson.shape,
  /** When the audit log took it in; `at` is when it came true. */
  recorded_at: Timestamp,
});

const ExportedLicense = z.strictObject({ ...LicenseFields });

const ExportedSubscription = z.strictObject({
  ...SubscriptionFields,
  /** The customer at Stripe. */
  customer_id: z.string(),
  /** End of the period that is paid for, or would be. */
  period_end: Timestamp,
  /** Since when a payment has been overdue. */
  unpaid_since: z.nullable(Timestamp),
  latest_invoice_id: z.nullable(z.string()),
  /** Disputes about its payments, by their ids at Stripe. */
  disputes: z.record(z.string(), z.enum(['open', 'won', 'lost'])),
  /** Invoices whose payment was refunded. */
  refunded_invoice_ids: z.array(z.string()),
});

/** What a license used of a meter within a day (UTC). */
const MeteredDay = z.strictObject({
  license_id: LicenseId,
  meter: z.string(),
  day: Timestamp,
  quantity: z.int(),
  /** In how many records that was told. */
  records: z.int(),
});

const PersonExport = z.strictObject({
  ...Whole,
  person: z.strictObject({
    user_id: UserId,
    /** As the sign-in provider last told it, like the name and the domain. */
    email: z.string(),
    name: z.string(),
    /** The Google Workspace domain that the account belongs to; null for one that belongs to nobody else. */
    hosted_domain: z.nullable(z.string()),
    /** When they signed in first and last. */
    created_at: Timestamp,
    last_sign_in_at: Timestamp,
  }),
  /** The tenants that they belong to. */
  memberships: z.array(
    z.strictObject({
      tenant_id: TenantId,
      tenant_name: z.string(),
      role: z.enum(ROLES),
      joined_at: Timestamp,
    }),
  ),
  /** Sign-ins that are good, or have not ended long ago. */
  sign_ins: z.array(
    z.strictObject({
      sign_in_id: z.string(),
      created_at: Timestamp,
      /** When a token of it was last asked for. */
      last_used_at: Timestamp,
      /** Until when it is good, if it is not used again. */
      expires_at: Timestamp,
      /** null while it is good; reused: a token was shown a second time, so that somebody may have stolen it. */
      ended: z.nullable(z.enum(['signed_out', 'reused', 'removed', 'expired'])),
    }),
  ),
  /** Invitations for their address that they have not taken up. */
  invitations: z.array(ExportedInvitation),
  /** The trial that their account has had; null where it had none, or that is long ago. */
  trial: z.nullable(z.strictObject({ began_at: Timestamp, license_id: z.nullable(LicenseId) })),
  /** Their sessions in the licenses of their tenants. */
  sessions: z.array(ExportedSession),
  /** What became of sessions that were counted by one of their pseudonyms. */
  session_histories: z.array(SessionHistoryView),
  /** Events that name one of their pseudonyms. */
  audit_events: z.array(ExportedEvent),
});

const TenantExport = z.strictObject({
  ...Whole,
  tenant: z.strictObject({
    ...TenantView.shape,
    /** When it was erased; null for one that was not. */
    closed_at: z.nullable(Timestamp),
  }),
  members: z.array(MemberView),
  /** Invitations that nobody has taken up. */
  invitations: z.array(ExportedInvitation),
  /** Its licenses, without what their keys are known by. */
  licenses: z.array(ExportedLicense),
  /** Who it is at Stripe, which knows its cards and invoices; null where it has bought nothing yet. */
  billing: z.nullable(
    z.strictObject({
      /** null where that customer was deleted. */
      customer_id: z.nullable(z.string()),
      former_customer_ids: z.array(z.string()),
      created_at: Timestamp,
    }),
  ),
  subscriptions: z.array(ExportedSubscription),
  /** What its licenses used of what is metered. */
  metered_days: z.array(MeteredDay),
  /** All sessions of its licenses. */
  sessions: z.array(ExportedSession),
  session_histories: z.array(SessionHistoryView),
  audit_events: z.array(ExportedEvent),
});

const EXPORTING = { by: 'caller', requests: 30, windowSeconds: 3600, uncounted: 'serve' } as const;
/** `from` and `to` choose session histories by their beginning and events by when they came true; the rest comes whole. */
const Period = z.strictObject(PERIOD).check(periodIsInOrder);

export default defineFunction({
  name: 'gdpr-export',
  summary: 'Gives people, and owners of tenants, all that is kept of them.',
  memoryMiB: 512,
  concurrency: 2,
  maxInstances: 10,
  timeoutSeconds: 120,
  roles: ['roles/datastore.viewer'],
  secrets: COMMON_SECRETS,
  endpoints: {
    person: {
      method: 'GET',
      path: '/api/v1/gdpr/export',
      summary: 'All that is kept of you, as a file.',
      auth: accessOf('gdpr-export.person'),
      standing: 'record',
      limit: EXPORTING,
      query: Period,
      answers: {
        person: { status: 200, description: 'The file, up to 40,000 rows of it.', body: PersonExport },
      },
      problems: ['USER_NOT_FOUND', 'RATE_LIMITED', 'VALIDATION_FAILED'],
    },
    tenant: {
      method: 'GET',
      path: '/api/v1/gdpr/export/tenants/{tenant_id}',
      summary: 'All that is kept of a tenant and its people, as a file.',
      auth: accessOf('gdpr-export.tenant'),
      standing: 'record',
      limit: EXPORTING,
      params: z.strictObject({ tenant_id: TenantId }),
      query: Period,
      answers: {
        tenant: { status: 200, description: 'The file, up to 40,000 rows of it.', body: TenantExport },
      },
      problems: ['TENANT_NOT_FOUND', 'FORBIDDEN', 'RATE_LIMITED', 'VALIDATION_FAILED'],
    },
  },
});
