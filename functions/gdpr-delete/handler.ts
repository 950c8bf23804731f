import * as z from 'zod/mini';
import { accessOf, standingOf } from '../../shared/domain/authorization.ts';
import {
  beginErasure,
  CONFIRMATION_SECONDS,
  type Confirmation,
  ConfirmationSchema,
  type Erasure,
  type ErasurePlan,
} from '../../shared/domain/erasure.ts';
import { newPersonalId } from '../../shared/domain/ids.ts';
import type { Caller, HandlersOf, Refusal, ReplyOf, RequestOf } from '../../shared/http/contract.ts';
import { timestamp, timestampOrNull } from '../../shared/http/fields.ts';
import { own } from '../../shared/http/own.ts';
import { refuseFields } from '../../shared/http/refuse-fields.ts';
import { ERASURES, TENANTS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { runErasure } from '../../shared/use-cases/erasure/erase.ts';
import type contract from './contract.ts';
import { planForTenant, planForUser } from './plan.ts';

/** Half of the function's timeout. The rest is for the step in progress and for dependencies that time out slowly. */
const BUDGET_MS = 60_000;

async function ask(
  { body, caller }: RequestOf<typeof contract, 'ask'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'ask'>> {
  const plan = await planOf(body, caller, deps);
  if ('problem' in plan) return plan;
  const { userId, goingIds } = plan;
  const expiresAtMs = deps.clock.nowMs() + CONFIRMATION_SECONDS * 1000;
  const erasureId = newPersonalId('era');
  const confirmation = { erasureId, askedBy: callerIdOf(caller), userId, goingIds, expiresAtMs };
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
  { body, caller, note }: RequestOf<typeof contract, 'confirm'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'confirm'>> {
  const confirmation = openConfirmation(body.confirmation_token, deps);
  if (!confirmation) return invalid('the confirmation token is not valid');
  if (confirmation.askedBy !== callerIdOf(caller)) return invalid('another caller requested it');
  const { erasureId } = confirmation;
  note({ erasure_id: erasureId });
  const begun = (await deps.records.get(ERASURES, erasureId)) ?? (await startErasure(confirmation, deps));
  if ('problem' in begun) return begun;
  const endMs = deps.clock.nowMs() + BUDGET_MS;
  const erasure =
    begun.completedAtMs === null ? await runErasure(begun, deps, () => deps.clock.nowMs() >= endMs) : begun;
  return { answer: 'receipt', body: receiptOf(erasure) };
}

type ErasureCaller = Extract<Caller, { kind: 'operator' | 'person' }>;

/**
 * A signed-in operator is identified as a user, because `confirm` does not read the records that show who is an
 * operator.
 */
function callerIdOf({ kind, userId }: ErasureCaller): string {
  return userId ?? kind;
}

async function planOf(
  {
    user_id: requestedId,
    tenant_id: tenantId,
  }: { user_id?: string | undefined; tenant_id?: string | undefined },
  caller: ErasureCaller,
  { records }: Deps,
): Promise<
  | ErasurePlan
  | Refusal<'VALIDATION_FAILED' | 'USER_NOT_FOUND' | 'TENANT_NOT_FOUND' | 'FORBIDDEN' | 'OWNER_MUST_STAY'>
> {
  if (tenantId !== undefined) {
    const tenant = own(
      await records.get(TENANTS, tenantId),
      (id) => standingTo(id, caller),
      'TENANT_NOT_FOUND',
    );
    return 'problem' in tenant ? tenant : planForTenant(tenantId);
  }
  const userId = requestedId ?? caller.userId;
  if (userId === undefined) {
    return refuseFields('VALIDATION_FAILED', [
      { at: '', detail: 'An operator key is not a user: pass user_id or tenant_id.' },
    ]);
  }
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

/** Refuses if the erasure would now include other tenants than those that the caller confirmed. */
async function startErasure(
  confirmation: Confirmation,
  { records, clock }: Deps,
): Promise<Erasure | Refusal<'CONFIRMATION_INVALID' | 'OWNER_MUST_STAY'>> {
  const { erasureId, userId, goingIds, expiresAtMs } = confirmation;
  const nowMs = clock.nowMs();
  if (nowMs >= expiresAtMs) return invalid('the confirmation has expired');
  const [tenantId] = goingIds;
  const plan = userId !== null ? await planForUser(userId, records) : planForTenant(tenantId ?? '');
  if (plan === 'USER_NOT_FOUND') return invalid('the user no longer exists');
  if ('mustStayIn' in plan) return mustStay(plan.mustStayIn);
  if (plan.goingIds.toSorted().join() !== goingIds.toSorted().join())
    return invalid('other tenants would be erased by now');
  const erasure = beginErasure(erasureId, plan, nowMs);
  const created = await records.create(ERASURES, erasureId, erasure);
  return created === 'CREATED' ? erasure : ((await records.get(ERASURES, erasureId)) ?? erasure);
}

function receiptOf({ erasureId, requestedAtMs, completedAtMs, erased }: Erasure) {
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
  };
}

export default { ask, confirm } satisfies HandlersOf<typeof contract>;
