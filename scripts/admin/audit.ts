import * as z from 'zod/mini';
import { type ChainReport, verifyChain } from '../../functions/audit/verify-chain.ts';
import { TENANT_ID } from '../../shared/domain/ids.ts';
import { type Command, defineCommand, EXIT } from './command.ts';

const NEEDS_TENANT = 'needs the id of a tenant (ten_…)';

export const AUDIT_COMMANDS: readonly Command[] = [
  defineCommand({
    name: 'audit verify',
    synopsis: '--tenant TENANT',
    summary:
      'Checks that no event of a tenant’s audit log was changed, removed or put in after it was sealed.',
    options: { tenant: { type: 'string' } },
    asked: z.object({ tenant: z.string(NEEDS_TENANT).check(z.regex(TENANT_ID, NEEDS_TENANT)) }),
    async run({ tenant }, { withRecords }) {
      const report = await withRecords((records) => verifyChain(records, tenant));
      if (!report) return { trouble: `The records know no tenant ${tenant}.` };
      const exit = report.problems.length === 0 ? EXIT.well : EXIT.found;
      return { exit, words: inWords(report), json: toJson(report) };
    },
  }),
];

function toJson({ tenantId, sealed, unsealed, head, problems }: ChainReport) {
  return {
    tenant_id: tenantId,
    whole: problems.length === 0,
    sealed,
    unsealed,
    head: head && { seq: head.seq, hash: head.hash },
    problems: problems.map(({ eventId, ...problem }) => ({ ...problem, event_id: eventId })),
  };
}

function inWords({ tenantId, sealed, unsealed, head, problems }: ChainReport): string {
  const verdict =
    problems.length === 0
      ? 'whole'
      : `${problems.length} ${problems.length === 1 ? 'problem' : 'problems'} found`;
  return [
    `The audit chain of ${tenantId}: ${verdict}.`,
    `  sealed events    ${sealed}`,
    `  not yet sealed   ${unsealed}`,
    `  head             ${head ? `${head.seq} ${head.hash}` : 'none'}`,
    ...problems.map(
      ({ kind, seq, eventId, detail }) =>
        `  ${kind.padEnd(8)} at ${seq}: ${eventId ?? 'the chain'}: ${detail}`,
    ),
  ].join('\n');
}
