import * as z from 'zod/mini';
import type { By } from '../../shared/domain/actor.ts';
import { accessOf, standingOf } from '../../shared/domain/authorization.ts';
import {
  CONFIRMATION_SECONDS,
  type Confirmation,
  ConfirmationSchema,
  type Erasure,
  type ErasurePlan,
  isSameTenants,
  isWithdrawn,
} from '../../shared/domain/erasure.ts';
import { newPersonalId } from '../../shared/domain/ids.ts';
import { isOperator } from '../../shared/domain/users.ts';
import type { Caller, HandlersOf, Refusal, ReplyOf, RequestOf } from '../../shared/http/contract.ts';
import { timestamp, timestampOrNull } from '../../shared/http/fields.ts';
import { own } from '../../shared/http/own.ts';
import { refuseFields } from '../../shared/http/refuse-fields.ts';
import { noteUnreadable } from '../../shared/http/unreadable.ts';
import { ERASURES, TENANTS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import {
  planForTenant,
  planForUser,
  recordProgress,
  startErasure,
} from '../../shared/use-cases/erasure/begin.ts';
import { runErasure } from '../../shared/use-cases/erasure/erase.ts';
import { readPerson } from '../../shared/use-cases/members.ts';
import type contract from './contract.ts';

/** Half of the function's timeout. The rest is for the step in progress and for dependencies that time out slowly. */
const BUDGET_MS = 60_000;

async function ask(
  { body, caller, by }: RequestOf<typeof contract, 'ask'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'ask'>> {
  const target = targetOf(body, caller);
  if ('problem' in target) return target;
  const plan = await planOf(target, caller, deps);
  if ('problem' in plan) return plan;
  const { userId, goingIds } = plan;
  const nowMs = deps.clock.nowMs();
  const expiresAtMs = nowMs + CONFIRMATION_SECONDS * 1000;
  const erasureId = newPersonalId('era');
  const confirmation = { erasureId, askedBy: callerIdOf(by), userId, goingIds, expiresAtMs };
  await deps.records.transact(async (transaction) => {
    const requested = { erasureId, searchedIds: [], goingIds };
    recordProgress(transaction, requested, 'erasure.requested', by, nowMs);
  });
  return {
    answer: 'asked',
    body: {
      confirmation_token: deps.confirmations.seal(JSON.stringify(confirmation)),
      expires_at: timestamp(expiresAtMs),
      user_id: userId,
      tenants_that_go: [...goingIds],
    },
  };
}

async function confirm(
  { body, caller, by, note }: RequestOf<typeof contract, 'confirm'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'confirm'>> {
  const confirmation = openConfirmation(body.confirmation_token, deps);
  if (!confirmation) return invalid('the confirmation token is not valid');
  if (confirmation.askedBy !== callerIdOf(by)) return invalid('another caller requested it');
  const { erasureId } = confirmation;
  note({ erasure_id: erasureId });
  const begun =
    (await deps.records.get(ERASURES, erasureId)) ?? (await begin(confirmation, caller, by, deps));
  if ('problem' in begun) return begun;
  const endMs = deps.clock.nowMs() + BUDGET_MS;
  const erasure =
    begun.completedAtMs === null ? await runErasure(begun, deps, () => deps.clock.nowMs() >= endMs) : begun;
  if (isWithdrawn(erasure)) return invalid('memberships changed while it began');
  noteUnreadable(note, erasure.unreadable);
  return { answer: 'receipt', body: receiptOf(erasure) };
}

type ErasureCaller = Extract<Caller, { kind: 'operator' | 'person' }>;

/**
 * The id alone, not the kind: `confirm` learns from the token alone who calls, and so takes an operator who signed in for a
 * user. The ids of users and of operator tokens, and `bootstrap`, differ.
 */
function callerIdOf({ actor: { id } }: By): string {
  if (id === null) throw new Error('a caller has an id');
  return id;
}

/** What a request names: a user or a tenant. */
type Target = { readonly userId: string } | { readonly tenantId: string };

function targetOf(
  { user_id: userId, tenant_id: tenantId }: RequestOf<typeof contract, 'ask'>['body'],
  caller: ErasureCaller,
): Target | Refusal<'VALIDATION_FAILED'> {
  if (tenantId !== undefined) return { tenantId };
  const targetId = userId ?? caller.userId;
  if (targetId !== undefined) return { userId: targetId };
  const detail = 'An operator key is not a user: pass user_id or tenant_id.';
  return refuseFields('VALIDATION_FAILED', [{ at: '', detail }]);
}

/** What the caller may have erased now. */
async function planOf(
  target: Target,
  caller: ErasureCaller,
  { records }: Deps,
): Promise<ErasurePlan | Refusal<'USER_NOT_FOUND' | 'TENANT_NOT_FOUND' | 'FORBIDDEN' | 'OWNER_MUST_STAY'>> {
  if ('tenantId' in target) {
    const { tenantId } = target;
    const tenant = own(
      await records.get(TENANTS, tenantId),
      (id) => standingTo(id, caller),
      'TENANT_NOT_FOUND',
    );
    return 'problem' in tenant ? tenant : planForTenant(tenantId);
  }
  const { userId } = target;
  if (caller.kind === 'person' && userId !== caller.userId) return { problem: 'FORBIDDEN' };
  const plan = await planForUser(userId, records);
  if (plan === 'USER_NOT_FOUND') return { problem: plan };
  return 'mustStayIn' in plan ? mustStay(plan.mustStayIn) : plan;
}

/** Callers who can export a tenant can erase it. */
function standingTo(tenantId: string, caller: ErasureCaller) {
  if (caller.kind === 'operator') return 'ALLOWED';
  const role = Object.hasOwn(caller.tenants, tenantId) ? caller.tenants[tenantId] : undefined;
  return standingOf(accessOf('gdpr-export.tenant'), role);
}

function mustStay(tenantIds: readonly string[]): Refusal<'OWNER_MUST_STAY'> {
  return {
    problem: 'OWNER_MUST_STAY',
    detail: 'You own a tenant with other members. Transfer or erase that tenant first.',
    members: { tenants: tenantIds },
  };
}

function invalid(because: string): Refusal<'CONFIRMATION_INVALID'> {
  return { problem: 'CONFIRMATION_INVALID', because };
}

function openConfirmation(token: string, { confirmations }: Deps): Confirmation | undefined {
  const sealed = confirmations.open(token);
  return sealed === undefined ? undefined : z.parse(ConfirmationSchema, JSON.parse(sealed));
}

/**
 * Decides again what was decided when the erasure was requested, by the same rules and by the standing of now: the caller
 * may have signed out, been removed or handed over the tenant since. Another library's second step only checked whose
 * token it was (better-auth/better-auth#11250). Also refuses if other tenants would be erased than those that the caller
 * confirmed.
 */
async function begin(
  { erasureId, userId, goingIds, expiresAtMs }: Confirmation,
  asker: ErasureCaller,
  by: By,
  deps: Deps,
): Promise<
  | Erasure
  | Refusal<
      | 'CREDENTIALS_INVALID'
      | 'CONFIRMATION_INVALID'
      | 'USER_NOT_FOUND'
      | 'TENANT_NOT_FOUND'
      | 'FORBIDDEN'
      | 'OWNER_MUST_STAY'
    >
> {
  if (deps.clock.nowMs() >= expiresAtMs) return invalid('the confirmation has expired');
  const caller = await callerNow(asker, deps);
  if ('problem' in caller) return caller;
  const [tenantId = ''] = goingIds;
  const plan = await planOf(userId === null ? { tenantId } : { userId }, caller, deps);
  if ('problem' in plan) return plan;
  if (!isSameTenants(plan.goingIds, goingIds)) return invalid('other tenants would be erased by now');
  const ownerId = userId ?? (caller.kind === 'person' ? caller.userId : undefined);
  const begun = await startErasure(erasureId, plan, { ownerId, by: actingAs(caller, by) }, deps);
  return 'because' in begun ? invalid(begun.because) : begun;
}

/** The caller as the records have them now. The access token can name tenants that they have left. */
async function callerNow(
  caller: ErasureCaller,
  { records, operators, clock }: Deps,
): Promise<ErasureCaller | Refusal<'CREDENTIALS_INVALID'>> {
  if (caller.kind === 'operator') return caller;
  const { userId } = caller;
  const found = await readPerson(records, caller);
  if (!found) return { problem: 'CREDENTIALS_INVALID', because: 'signed out, or erased' };
  const { user, signIn, tenants } = found;
  return isOperator(user, signIn.createdAtMs, operators, clock.nowMs())
    ? { kind: 'operator', proof: { kind: 'trusted' }, userId }
    : { ...caller, tenants };
}

function actingAs({ kind, userId }: ErasureCaller, by: By): By {
  return kind === 'operator' && userId !== undefined ? { ...by, actor: { kind, id: userId } } : by;
}

function receiptOf({ erasureId, requestedAtMs, completedAtMs, erased, unreadable }: Erasure) {
  return {
    erasure_id: erasureId,
    requested_at: timestamp(requestedAtMs),
    completed_at: timestampOrNull(completedAtMs),
    erased: {
      sessions: erased.sessions,
      session_histories: erased.sessionHistories,
      audit_events: erased.auditEvents,
      memberships: erased.memberships,
      invitations: erased.invitations,
      sign_ins: erased.signIns,
      tenants: erased.tenants,
      users: erased.users,
    },
    unreadable: unreadable.length,
  };
}

export default { ask, confirm } satisfies HandlersOf<typeof contract>;
