import { parseArgs } from 'node:util';
import { type ChainReport, verifyChain } from '../../functions/audit/verify-chain.ts';
import { ConfigError, type Environment } from '../../shared/config.ts';
import { openRecords } from '../../shared/deps.ts';
import { TENANT_ID } from '../../shared/domain/ids.ts';
import { Unavailable } from '../../shared/errors.ts';
import type { Records } from '../../shared/ports/records.ts';
import { readLocalConfig } from '../local/secrets.ts';

const USAGE = `Usage: npm run admin -- audit verify --tenant TENANT [--json]

  audit verify   Checks that no event of a tenant's audit log was changed, removed or put in after it was sealed.

Reads the records that the server's environment names. Ends with 0 for a whole chain, 1 where something was found,
2 where nothing can be said.`;

/** How a command ends: all is well; it found something; it could not be done. */
const EXIT = { whole: 0, problems: 1, trouble: 2 } as const;
type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Where a command writes: what it is asked for, and what keeps it from that. */
export interface Output {
  say(text: string): void;
  complain(text: string): void;
}

/** Runs the command that `args` names and gives the exit code of the process. */
export async function runAdmin(
  args: readonly string[],
  environment: Environment,
  output: Output,
): Promise<ExitCode> {
  const asked = readArguments(args);
  if ('usage' in asked) {
    output.complain(asked.usage);
    return EXIT.trouble;
  }
  try {
    const report = await withRecords(environment, (records) => verifyChain(records, asked.tenantId));
    if (!report) {
      output.complain(`The records know no tenant ${asked.tenantId}.`);
      return EXIT.trouble;
    }
    output.say(asked.asJson ? JSON.stringify(toJson(report), null, 2) : inWords(report));
    return report.problems.length === 0 ? EXIT.whole : EXIT.problems;
  } catch (error) {
    const isExpected = error instanceof ConfigError || error instanceof Unavailable;
    // Left to Node, a fault would end the process with 1, which says that something was found.
    output.complain(error instanceof Error && !isExpected ? (error.stack ?? error.message) : `${error}`);
    return EXIT.trouble;
  }
}

function readArguments(args: readonly string[]): { tenantId: string; asJson: boolean } | { usage: string } {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { tenant: { type: 'string' }, json: { type: 'boolean', default: false } },
    });
    if (positionals.join(' ') !== 'audit verify') return { usage: USAGE };
    if (!TENANT_ID.test(values.tenant ?? '')) {
      return { usage: `--tenant needs the id of a tenant (ten_…).\n\n${USAGE}` };
    }
    return { tenantId: values.tenant ?? '', asJson: values.json };
  } catch (error) {
    // What it throws for is the caller's mistake, whichever it is.
    return { usage: `${error instanceof Error ? error.message : error}\n\n${USAGE}` };
  }
}

async function withRecords<R>(environment: Environment, work: (records: Records) => Promise<R>): Promise<R> {
  const records = await openRecords(readLocalConfig(environment));
  try {
    return await work(records);
  } finally {
    await records.close();
  }
}

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
