import { FINDING_KINDS, type Finding, type FindingKind } from './check/finding.ts';
import { FAULT_KINDS } from './fault-plan.ts';
import { countKinds, type FaultDone } from './inject.ts';
import type { Request } from './requests.ts';
import type { RunResult } from './run.ts';

export interface Report {
  readonly appendfsync: string;
  readonly seed: number;
  readonly chaosSeconds: number;
  readonly clients: number;
  readonly licenses: number;
  readonly redis: string;
  readonly folder: string;
  /** Requests of clients by `op status`; `none` for no response. */
  readonly answers: Readonly<Record<string, number>>;
  readonly faults: Readonly<Record<string, number>>;
  readonly harm: RunResult['harm'];
  readonly events: Readonly<Record<string, number>>;
  readonly revivals: number;
  readonly claims: number;
  readonly republished: number;
  readonly redisBytesLost: number;
  /** By status; 0 for no response. */
  readonly sweeps: Readonly<Record<string, number>>;
  readonly deliveries: Readonly<Record<string, number>>;
  /** Milliseconds from a kill to the first success after it. */
  readonly recovery: Readonly<Record<string, { readonly kills: number; medianMs: number; mostMs: number }>>;
  readonly excess: {
    readonly windows: number;
    readonly seatMs: number;
    readonly longestMs: number;
    readonly mostSeats: number;
  };
  readonly closedByReconcile: number;
  readonly holes: Readonly<Partial<Record<FindingKind, number>>>;
  readonly breaches: Readonly<Partial<Record<FindingKind, number>>>;
  readonly findings: readonly Finding[];
}

export function reportOf(result: RunResult): Report {
  const { options, facts, checked, tally } = result;
  return {
    appendfsync: options.appendfsync,
    seed: options.seed,
    chaosSeconds: options.chaosMs / 1000,
    clients: options.clients,
    licenses: options.licenses,
    redis: options.redis,
    folder: options.folder,
    answers: countBy(facts.requests, ({ op, status }) => `${op} ${status ?? 'none'}`),
    faults: countKinds(result.faults),
    harm: result.harm,
    events: countBy(facts.audit, ({ type }) => type),
    revivals: facts.requests.filter(({ revived }) => revived).length,
    claims: checked.claims,
    republished: tally.republished,
    redisBytesLost: tally.redisBytesLost,
    sweeps: Object.fromEntries(result.sweeps),
    deliveries: Object.fromEntries(result.deliveries),
    recovery: recoveryOf(result),
    excess: {
      windows: checked.excess.length,
      seatMs: checked.excess.reduce((sum, { fromMs, toMs, seats }) => sum + (toMs - fromMs) * seats, 0),
      longestMs: Math.max(0, ...checked.excess.map(({ fromMs, toMs }) => toMs - fromMs)),
      mostSeats: Math.max(0, ...checked.excess.map(({ seats }) => seats)),
    },
    closedByReconcile: result.closedByReconcile,
    holes: countBy(result.holes, ({ kind }) => kind),
    breaches: countBy(result.breaches, ({ kind }) => kind),
    findings: [...result.breaches, ...result.holes],
  };
}

function countBy<T>(things: readonly T[], nameOf: (thing: T) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const thing of things) counts[nameOf(thing)] = (counts[nameOf(thing)] ?? 0) + 1;
  return Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function recoveryOf({ faults, facts, acknowledgedAtMs }: RunResult): Report['recovery'] {
  const served = facts.requests.filter(isServed);
  const firstServed = ({ fromMs }: FaultDone): number | undefined =>
    leastOf(served.filter(({ sentMs }) => sentMs > fromMs).map(({ endedMs }) => endedMs));
  // An acknowledgement before the restart is for a delivery of the killed emulator.
  const firstDelivered = ({ toMs }: FaultDone): number | undefined =>
    leastOf(acknowledgedAtMs.filter((atMs) => atMs > toMs));
  const kinds = [
    ['kill-redis', firstServed],
    ['kill-functions', firstServed],
    ['kill-pubsub', firstDelivered],
  ] as const;
  return Object.fromEntries(
    kinds.map(([kind, firstAfter]) => {
      const took = faults
        .filter((fault) => fault.kind === kind)
        .flatMap((fault) => {
          const atMs = firstAfter(fault);
          return atMs === undefined ? [] : [atMs - fault.fromMs];
        })
        .sort((a, b) => a - b);
      const medianMs = took[Math.floor(took.length / 2)] ?? 0;
      return [kind, { kills: took.length, medianMs, mostMs: took.at(-1) ?? 0 }];
    }),
  );
}

function isServed({ status }: Request): boolean {
  return status !== null && status < 500;
}

function leastOf(numbers: readonly number[]): number | undefined {
  return numbers.reduce<number | undefined>(
    (least, number) => (least === undefined || number < least ? number : least),
    undefined,
  );
}

const MOST_FINDINGS_SHOWN = 20;

/** The report as a table for a terminal. */
export function formatReport(report: Report): string {
  const { excess, harm } = report;
  const list = (counts: Readonly<Record<string, number | undefined>>): string =>
    Object.entries(counts)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ') || 'none';
  const rows: [string, string][] = [
    [
      'run',
      `${report.chaosSeconds} s, ${report.clients} clients, ${report.licenses} licenses, Redis by ${report.redis}`,
    ],
    ['seed', String(report.seed)],
    ['folder', report.folder],
    ['faults', list(Object.fromEntries(FAULT_KINDS.map((kind) => [kind, report.faults[kind]])))],
    ['harm to clients', list({ ...harm.clients })],
    ['harm to Redis', list({ ...harm.redis })],
    ['responses', list(report.answers)],
    ['claims', `${report.claims}; ${report.revivals} revivals`],
    ['events', list(report.events)],
    ['sweeps by status', list(report.sweeps)],
    ['deliveries by status', list(report.deliveries)],
    // A killed emulator loses the events that it accepted; the real service does not.
    ['published again', `${report.republished} events that a killed emulator had lost`],
    ['lost by Redis', `${report.redisBytesLost} bytes`],
    ...Object.entries(report.recovery).map(([kind, { kills, medianMs, mostMs }]): [string, string] => [
      `after ${kind}`,
      `${kills} times, served again within ${medianMs} ms (median), ${mostMs} ms (maximum)`,
    ]),
    [
      'beyond max',
      `${excess.windows} windows, ${excess.seatMs} seat-ms, longest ${excess.longestMs} ms, at most ${excess.mostSeats} seats`,
    ],
    ['closed by reconcile', String(report.closedByReconcile)],
    ['allowed by everysec', list(report.holes)],
    ['BREACHES', list(report.breaches)],
  ];
  const shown = report.findings.slice(0, MOST_FINDINGS_SHOWN);
  return [
    `appendfsync ${report.appendfsync}`,
    ...rows.map(([name, what]) => `  ${name.padEnd(20)} ${what}`),
    ...shown.map(({ kind, of, detail }) => `  ${kind} (${FINDING_KINDS[kind]}): ${of}: ${detail}`),
    ...(report.findings.length > shown.length
      ? [`  … and ${report.findings.length - shown.length} more in the file`]
      : []),
  ].join('\n');
}
