import * as z from 'zod/mini';
import { CommandError } from '../../clients/command-line/errors.ts';
import { option } from '../../clients/command-line/options.ts';
import { type Command, defineCommand, EXIT } from '../../clients/command-line/program.ts';
import { TENANT_ID } from '../../shared/domain/ids.ts';
import { type ChainReport, verifyChain } from '../../shared/use-cases/verify-chain.ts';
import type { OperateParts } from './parts.ts';

const NEEDS_TENANT = 'needs the id of a tenant (ten_…)';

export const AUDIT_COMMANDS: readonly Command<OperateParts>[] = [
  defineCommand('audit verify', {
    summary:
      'Checks that no event of a tenant’s audit log was changed, removed or inserted after it was sealed.',
    options: z.object({
      tenant: option('TENANT', z.string(NEEDS_TENANT).check(z.regex(TENANT_ID, NEEDS_TENANT))),
    }),
    async run({ tenant }, { withRecords }) {
      const report = await withRecords((records) => verifyChain(records, tenant));
      if (!report) throw new CommandError(`Tenant ${tenant} does not exist.`);
      const exit = report.problems.length === 0 ? EXIT.ok : EXIT.problem;
      return { exit, text: formatReport(report), json: toJson(report) };
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

function formatReport({ tenantId, sealed, unsealed, head, problems }: ChainReport): string {
  const verdict =
    problems.length === 0
      ? 'valid'
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
