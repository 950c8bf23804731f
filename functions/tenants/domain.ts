import { type By, system } from '../../shared/domain/actor.ts';
import { newSecretWord } from '../../shared/domain/ids.ts';
import { isProvedBy, recordNameOf } from '../../shared/domain/join-domain.ts';
import { isPublicMail } from '../../shared/domain/public-mail.ts';
import { type DomainClaim, isClosing, type Tenant } from '../../shared/domain/users.ts';
import { DOMAIN_CLAIMS, TENANTS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import type { Transaction } from '../../shared/ports/records.ts';
import { recordEvent } from '../../shared/use-cases/record-event.ts';

type DomainDeps = Pick<Deps, 'records' | 'clock'>;

/**
 * Claims a domain for a tenant. The claim of an owner decides nothing until it is proved, and does not keep another tenant
 * from claiming the same domain: else the first to claim it would lock out the one who can prove it (mozilla-ai/otari#915).
 * The same claim again keeps its token. An operator's claim needs no proof.
 */
export function claimDomain(
  tenantId: string,
  domain: string,
  isApproved: boolean,
  by: By,
  { records, clock }: DomainDeps,
): Promise<Tenant | 'TENANT_NOT_FOUND' | 'TENANT_CLOSED' | 'DOMAIN_PUBLIC' | 'DOMAIN_TAKEN'> {
  return records.transact(async (transaction) => {
    const nowMs = clock.nowMs();
    const tenant = await transaction.get(TENANTS, tenantId);
    const holder = await transaction.get(DOMAIN_CLAIMS, domain);
    if (!tenant) return 'TENANT_NOT_FOUND';
    if (isClosing(tenant)) return 'TENANT_CLOSED';
    if (isPublicMail(domain)) return 'DOMAIN_PUBLIC';
    if (isApproved) {
      if (holder && holder.tenantId !== tenantId) return 'DOMAIN_TAKEN';
      return give(transaction, tenant, { ...holder, domain, tenantId, token: null }, by, nowMs);
    }
    if (tenant.joinDomain === domain || tenant.pendingDomain?.domain === domain) return tenant;
    const next = { ...tenant, pendingDomain: { domain, token: newSecretWord(), claimedAtMs: nowMs } };
    transaction.set(TENANTS, tenantId, next);
    const detail = { fields: ['pending_domain'] };
    recordEvent(transaction, { type: 'tenant.updated', tenantId, by, detail }, nowMs);
    return next;
  });
}

/**
 * Looks for the TXT record of the tenant's claim, and gives it the domain. If another tenant has proved the domain, it
 * keeps it while its own record is there: then both control the domain, and an operator has to decide.
 */
export async function verifyDomain(
  tenant: Tenant,
  by: By,
  { records, clock, dns }: DomainDeps & Pick<Deps, 'dns'>,
): Promise<Tenant | 'DOMAIN_NOT_CLAIMED' | 'DOMAIN_NOT_VERIFIED' | 'DOMAIN_TAKEN' | 'TENANT_CLOSED'> {
  const { tenantId, pendingDomain } = tenant;
  if (pendingDomain === null) return tenant.joinDomain === null ? 'DOMAIN_NOT_CLAIMED' : tenant;
  const { domain, token } = pendingDomain;
  const texts = await dns.texts(recordNameOf(domain));
  if (!isProvedBy(texts, { token })) return 'DOMAIN_NOT_VERIFIED';
  return records.transact(async (transaction) => {
    const nowMs = clock.nowMs();
    const current = await transaction.get(TENANTS, tenantId);
    const holder = await transaction.get(DOMAIN_CLAIMS, domain);
    const other = holder && holder.tenantId !== tenantId ? holder : undefined;
    const loser = other && (await transaction.get(TENANTS, other.tenantId));
    if (current?.pendingDomain?.token !== token) return 'DOMAIN_NOT_CLAIMED';
    if (isClosing(current)) return 'TENANT_CLOSED';
    if (other && (other.token === null || isProvedBy(texts, { token: other.token }))) return 'DOMAIN_TAKEN';
    if (loser) {
      transaction.set(TENANTS, loser.tenantId, { ...loser, joinDomain: null });
      // The user who proved it is not a member of the other tenant.
      const bySystem = { ...by, actor: system('tenants') };
      endClaim(transaction, loser, bySystem, nowMs);
    }
    return give(transaction, current, { ...holder, domain, tenantId, token }, by, nowMs);
  });
}

/** Ends the claim, proved or not: from now on no user joins by the domain. Members stay. */
export function releaseDomain(tenantId: string, by: By, { records, clock }: DomainDeps): Promise<void> {
  return records.transact(async (transaction) => {
    const nowMs = clock.nowMs();
    const tenant = await transaction.get(TENANTS, tenantId);
    if (!tenant || (tenant.joinDomain === null && tenant.pendingDomain === null)) return;
    endClaim(transaction, tenant, by, nowMs);
    transaction.set(TENANTS, tenantId, { ...tenant, joinDomain: null, pendingDomain: null });
    const detail = { fields: ['join_domain', 'pending_domain'] };
    recordEvent(transaction, { type: 'tenant.updated', tenantId, by, detail }, nowMs);
  });
}

function give(transaction: Transaction, tenant: Tenant, claim: DomainClaim, by: By, nowMs: number): Tenant {
  const { domain, tenantId } = claim;
  if (tenant.joinDomain !== domain) endClaim(transaction, tenant, by, nowMs);
  transaction.set(DOMAIN_CLAIMS, domain, claim);
  const next = { ...tenant, joinDomain: domain, pendingDomain: null };
  transaction.set(TENANTS, tenantId, next);
  recordEvent(transaction, { type: 'domain.claimed', tenantId, subject: domain, by }, nowMs);
  return next;
}

function endClaim(transaction: Transaction, { tenantId, joinDomain }: Tenant, by: By, nowMs: number): void {
  if (joinDomain === null) return;
  transaction.delete(DOMAIN_CLAIMS, joinDomain);
  recordEvent(transaction, { type: 'domain.released', tenantId, subject: joinDomain, by }, nowMs);
}
