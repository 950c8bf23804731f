import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod/mini';
import type { AuditEvent } from '../../../shared/domain/audit-chain.ts';
import type { SessionHistory } from '../../../shared/domain/session-history.ts';
import type { Records } from '../../../shared/ports/records.ts';
import { auditOf, historiesOf } from '../../../shared/testing/read-records.ts';
import { type Excess, excessOf } from '../../../shared/testing/seats/over-allocation.ts';
import { type ChainReport, verifyChain } from '../../../shared/use-cases/verify-chain.ts';
import { type Request, readRequestLog } from '../requests.ts';
import { claimsOf, findCutShort, findSeatsNotFree, findUnexpectedResponses, type License } from './claims.ts';
import type { Finding } from './finding.ts';
import { findDuplicates, findInSessions } from './sessions.ts';

/** Everything that the verdict is based on: the clients' request log, the records, and what was left to do. */
export interface Facts {
  readonly licenses: readonly License[];
  readonly requests: readonly Request[];
  readonly audit: readonly AuditEvent[];
  readonly histories: readonly SessionHistory[];
  readonly chains: readonly ChainReport[];
  /** Events in the outbox by the last sweep; `null` if it did not report them. */
  readonly pending: number | null;
  /** Events that the topic has not delivered. */
  readonly unacknowledged: number;
}

export interface Checked {
  readonly findings: readonly Finding[];
  readonly claims: number;
  readonly excess: readonly Excess[];
}

export function check(facts: Facts): Checked {
  const { licenses, requests, audit, chains, pending, unacknowledged } = facts;
  const claims = claimsOf(requests);
  const excess = excessOf(claims, licenses);
  const findings: Finding[] = [
    ...excess.map(({ licenseId, fromMs, toMs, seats }): Finding => {
      const detail = `${seats} too many for ${toMs - fromMs} ms from ${fromMs}`;
      return { kind: 'BEYOND_MAX', of: licenseId, detail };
    }),
    ...findCutShort(requests, claims),
    ...findUnexpectedResponses(requests),
    ...findSeatsNotFree(requests, licenses),
    ...findInSessions(facts),
    ...findDuplicates(audit),
    ...chains.flatMap(findInChain),
    ...findUnsealed(audit),
  ];
  if (pending !== 0)
    findings.push({
      kind: 'NOT_DRAINED',
      of: 'the outbox',
      detail: `${pending ?? 'an unknown number'} left`,
    });
  if (unacknowledged > 0)
    findings.push({ kind: 'NOT_DRAINED', of: 'the topic', detail: `${unacknowledged} left` });
  return { findings, claims: claims.length, excess };
}

function findInChain({ tenantId, problems }: ChainReport): Finding[] {
  return problems.map(({ kind, seq, detail }) => ({
    kind: 'CHAIN_BROKEN',
    of: tenantId,
    detail: `${kind} at ${seq}: ${detail}`,
  }));
}

function findUnsealed(audit: readonly AuditEvent[]): Finding[] {
  return audit
    .filter(({ sealed }) => !sealed)
    .map(({ eventId, type }) => ({ kind: 'NOT_SEALED', of: eventId, detail: type }));
}

/** Reads only the clients' request log and the records of a run. */
export async function readFacts(
  folder: string,
  records: Records,
): Promise<Omit<Facts, 'pending' | 'unacknowledged'>> {
  const licenses = z.parse(z.array(LicenseSchema), JSON.parse(readFileSync(licensesFile(folder), 'utf8')));
  const audit: AuditEvent[] = [];
  const histories: SessionHistory[] = [];
  for (const { licenseId } of licenses) {
    audit.push(...(await auditOf(records, licenseId)));
    histories.push(...(await historiesOf(records, licenseId)));
  }
  const chains: ChainReport[] = [];
  for (const tenantId of new Set(licenses.map((license) => license.tenantId))) {
    const report = await verifyChain(records, tenantId);
    if (!report) throw new Error(`The records have no tenant ${tenantId}.`);
    chains.push(report);
  }
  return { licenses, requests: readRequestLog(requestsFile(folder)), audit, histories, chains };
}

const LicenseSchema = z.object({ licenseId: z.string(), tenantId: z.string(), limit: z.int() });

export const licensesFile = (folder: string): string => join(folder, 'licenses.json');
export const requestsFile = (folder: string): string => join(folder, 'requests.jsonl');
