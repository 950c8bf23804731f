import * as z from 'zod/mini';
import { AuditEventJson } from '../../shared/domain/audit-event.ts';
import { accessOf, ROLES } from '../../shared/domain/authorization.ts';
import { defineFunction } from '../../shared/http/contract.ts';
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
  /**
   * False if there is more data than fits into one file (export shorter periods with `from` and `to`), or if some data
   * cannot be read.
   */
  complete: z.boolean(),
};

const ExportedInvitation = z.strictObject({ ...InvitationView.shape, tenant_id: TenantId });

/** A session whose client data is still stored: it holds a seat, or its lease expired within the last hour. */
const ExportedSession = z.strictObject({
  session_id: SessionId,
  license_id: LicenseId,
  /** A program that runs, or a borrowed seat. */
  kind: z.enum(['program', 'loan']),
  /** Pseudonym of the machine, user or process that the seat is counted by. */
  holder: z.string(),
  /** Whether it holds a seat now. */
  is_seated: z.boolean(),
  /** Identifies the machine, as the app sent it. */
  fingerprint: z.string(),
  /** Name of the machine, if the app sent it. */
  hostname: z.nullable(z.string()),
  /** The user's id in this API, or the id that the vendor's app sent. */
  user_id: z.nullable(z.string()),
  /** The process on the machine, if the app sent it. */
  process_id: z.nullable(z.string()),
  app_version: z.nullable(z.string()),
});

/** A borrowed seat, as it is recorded until a day after its end. */
const ExportedLoan = z.strictObject({
  session_id: SessionId,
  license_id: LicenseId,
  /** Pseudonyms of the seat's holder and of the machine. */
  holder: z.string(),
  machine: z.string(),
  acquired_at: Timestamp,
  borrowed_until: Timestamp,
});

const ExportedEvent = z.strictObject({
  ...AuditEventJson.shape,
  /** When the audit log recorded it; `at` is when it happened. */
  recorded_at: Timestamp,
});

const ExportedLicense = z.strictObject({ ...LicenseFields });

const ExportedSubscription = z.strictObject({
  ...SubscriptionFields,
  /** Id of the customer at Stripe. */
  customer_id: z.string(),
  /** End of the current billing period, paid or not. */
  period_end: Timestamp,
  /** When the oldest unpaid invoice was due; null if nothing is unpaid. */
  unpaid_since: z.nullable(Timestamp),
  latest_invoice_id: z.nullable(z.string()),
  /** Disputes about payments: the status of each, by its id at Stripe. */
  disputes: z.record(z.string(), z.string()),
  /** Invoices that were refunded and hold the license back. */
  refunded_invoice_ids: z.array(z.string()),
});

/** What a license used of one meter on one day (UTC). */
const MeteredDay = z.strictObject({
  license_id: LicenseId,
  meter: z.string(),
  day: Timestamp,
  quantity: z.int(),
  /** Number of usage records that `quantity` is the sum of. */
  records: z.int(),
});

const PersonExport = z.strictObject({
  ...Whole,
  person: z.strictObject({
    user_id: UserId,
    /** As last reported by the sign-in provider, like the name and the domain. */
    email: z.string(),
    /** All addresses of the account, oldest first. What others did under one of them before or since is not included. */
    emails: z.array(
      z.strictObject({
        email: z.string(),
        /** First sign-in with this address. */
        from: Timestamp,
        /** When a sign-in showed that the account no longer has it; null for the current address. */
        until: z.nullable(Timestamp),
      }),
    ),
    name: z.string(),
    /** Google Workspace domain that manages the account; null for a personal account. */
    hosted_domain: z.nullable(z.string()),
    /** Time of the first sign-in; `last_sign_in_at` is that of the latest. */
    created_at: Timestamp,
    last_sign_in_at: Timestamp,
  }),
  /** Tenants that the user belongs to. */
  memberships: z.array(
    z.strictObject({
      tenant_id: TenantId,
      tenant_name: z.string(),
      role: z.enum(ROLES),
      joined_at: Timestamp,
    }),
  ),
  /** Tenants that the user left, as long as they can still have data of the user. */
  former_memberships: z.array(
    z.strictObject({ tenant_id: TenantId, joined_at: Timestamp, left_at: Timestamp }),
  ),
  /** Active sign-ins, and those that ended recently. */
  sign_ins: z.array(
    z.strictObject({
      sign_in_id: z.string(),
      created_at: Timestamp,
      /** When a token was last issued for it. */
      last_used_at: Timestamp,
      /** When it expires if it is not used again. */
      expires_at: Timestamp,
      /** null while it is active. `reused`: a token was used a second time and may have been stolen. */
      ended: z.nullable(z.enum(['signed_out', 'reused', 'removed', 'expired'])),
    }),
  ),
  /** Open invitations to an e-mail address of the user, made while the user had it. */
  invitations: z.array(ExportedInvitation),
  /** The trial that the account has used; null if there was none or it is no longer on record. */
  trial: z.nullable(z.strictObject({ began_at: Timestamp, license_id: z.nullable(LicenseId) })),
  /** The user's sessions, in licenses of their tenants and of those that they left. */
  sessions: z.array(ExportedSession),
  /** The user's borrowed seats. */
  loans: z.array(ExportedLoan),
  /** Histories of these sessions, and of others that were counted by one of the user's pseudonyms. */
  session_histories: z.array(SessionHistoryView),
  /**
   * Events of these sessions, others that contain one of the user's pseudonyms, and those that the user caused or that
   * are about the user.
   */
  audit_events: z.array(ExportedEvent),
});

const TenantExport = z.strictObject({
  ...Whole,
  tenant: z.strictObject({
    ...TenantView.shape,
    /** When the tenant was erased; null if it was not. */
    closed_at: z.nullable(Timestamp),
  }),
  members: z.array(MemberView),
  /** Users who left, as long as the tenant can still have data of them. */
  former_members: z.array(z.strictObject({ user_id: UserId, joined_at: Timestamp, left_at: Timestamp })),
  /** Open invitations. */
  invitations: z.array(ExportedInvitation),
  /** The tenant's licenses, without the hashes of their keys. */
  licenses: z.array(ExportedLicense),
  /** The customer at Stripe, where cards and invoices are stored; null if the tenant has bought nothing yet. */
  billing: z.nullable(
    z.strictObject({
      /** null if that customer was deleted. */
      customer_id: z.nullable(z.string()),
      former_customer_ids: z.array(z.string()),
      created_at: Timestamp,
    }),
  ),
  subscriptions: z.array(ExportedSubscription),
  /** Metered usage of the tenant's licenses. */
  metered_days: z.array(MeteredDay),
  /** All sessions of the tenant's licenses. */
  sessions: z.array(ExportedSession),
  loans: z.array(ExportedLoan),
  session_histories: z.array(SessionHistoryView),
  audit_events: z.array(ExportedEvent),
});

const EXPORTING = { by: 'caller', requests: 30, windowSeconds: 3600, uncounted: 'serve' } as const;
/** `from` and `to` select session histories by start and events by time. Everything else is always exported. */
const Period = z.strictObject(PERIOD).check(periodIsInOrder);

export default defineFunction({
  name: 'gdpr-export',
  summary: 'Exports all data of a user or a tenant.',
  memoryMiB: 512,
  concurrency: 2,
  maxInstances: 10,
  timeoutSeconds: 120,
  roles: ['roles/datastore.user'],
  uses: ['records', 'seatMaintenance', 'pseudonyms'],
  endpoints: {
    person: {
      method: 'GET',
      path: '/api/v1/gdpr/export',
      summary: 'Export your data.',
      description: 'Returns everything that is stored about you, as a file.',
      auth: accessOf('gdpr-export.person'),
      standing: 'record',
      limit: EXPORTING,
      query: Period,
      answers: {
        person: { status: 200, description: 'The file, with at most 40,000 rows.', body: PersonExport },
      },
      problems: ['USER_NOT_FOUND', 'RATE_LIMITED', 'VALIDATION_FAILED'],
    },
    tenant: {
      method: 'GET',
      path: '/api/v1/gdpr/export/tenants/{tenant_id}',
      summary: 'Export the data of a tenant.',
      description: 'Returns everything that is stored about a tenant and its members, as a file.',
      auth: accessOf('gdpr-export.tenant'),
      standing: 'record',
      limit: EXPORTING,
      params: z.strictObject({ tenant_id: TenantId }),
      query: Period,
      answers: {
        tenant: { status: 200, description: 'The file, with at most 40,000 rows.', body: TenantExport },
      },
      problems: ['TENANT_NOT_FOUND', 'FORBIDDEN', 'RATE_LIMITED', 'VALIDATION_FAILED'],
    },
  },
});
