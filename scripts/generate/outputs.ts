import { readFileSync } from 'node:fs';
import { Stripe } from 'stripe';
import { WATCH_EVERY_MS } from '../../clients/console/src/seats/how-often.ts';
import { MANIFEST } from '../../functions/manifest.ts';
import { HANDLED_EVENTS, HANDLED_THIN_EVENTS } from '../../shared/adapters/billing/stripe-events.ts';
import { ACCESS, type Grant, scopeOf } from '../../shared/domain/authorization.ts';
import { BACKOFFS, PROBLEMS, type Problem } from '../../shared/errors.ts';
import type { EndpointContract, FunctionContract } from '../../shared/http/contract.ts';
import * as collections from '../../shared/ports/collections.ts';
import { QUERIES } from '../../shared/ports/queries.ts';
import { SETTINGS } from '../../shared/settings.ts';
import { costTable, describeWatchingCost } from '../cost/report.ts';
import { actionBundles } from './action.ts';
import { cProblems } from './c-client.ts';
import { clientTypes } from './client-types.ts';
import { FEATURE_INDEX, featureIndex } from './feature-index.ts';
import { DEFAULT_REGION, firebaseConfig } from './hosting.ts';
import { table } from './markdown.ts';
import { openApi } from './openapi/document.ts';
import { nextInWords } from './openapi/problems.ts';
import { pythonProblems } from './python-problems.ts';
import { stripeTable } from './stripe/table.ts';

const PAGES_WITH_TABLES = [
  'clients/docs/api.md',
  'clients/docs/access.md',
  'clients/docs/console.md',
  'infra/README.md',
  'infra/settings.md',
];

/** Every generated file but the indexes: path and content. */
export async function generatedFiles(): Promise<ReadonlyMap<string, string>> {
  const document = openApi(MANIFEST);
  return new Map([
    ...PAGES_WITH_TABLES.map((path) => [path, fillIn(readFileSync(path, 'utf8'))] as const),
    [FEATURE_INDEX, featureIndex()],
    ['infra/firestore.indexes.json', json(firestoreIndexes())],
    ['firebase.json', json(firebaseConfig(MANIFEST, { region: DEFAULT_REGION }))],
    ['clients/openapi.json', json(document)],
    ['clients/sdk/src/api.ts', await clientTypes(document)],
    ['clients/c/problems.inc', cProblems(document)],
    ...(await actionBundles()),
    ['clients/python/src/seatlease/_problems.py', pythonProblems()],
    ['shared/local/stripe/official/table.json', json(stripeTable())],
  ]);
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** Replaces the text between `<!-- generated:NAME -->` and `<!-- /generated -->`. */
function fillIn(text: string): string {
  return text.replace(
    /<!-- generated:(\w+) -->\n.*?<!-- \/generated -->/gs,
    (_, name: string) => `<!-- generated:${name} -->\n${section(name)}\n<!-- /generated -->`,
  );
}

function section(name: string): string {
  switch (name) {
    case 'api':
      return apiTable(MANIFEST);
    case 'problems':
      return table(
        ['Code', 'Status', 'Meaning', 'Next', 'While a seat is held'],
        Object.entries(PROBLEMS).map(([code, { status, title, next, whileHeld }]: [string, Problem]) => [
          `\`${code}\``,
          String(status),
          title,
          nextInWords(next),
          whileHeld ? nextInWords(whileHeld) : '',
        ]),
      );
    case 'backoffs':
      return table(
        ['Retry', 'First wait', 'Longest wait'],
        Object.entries(BACKOFFS).map(([name, { firstMs, longestMs }]) => [
          name,
          ...[firstMs, longestMs].map((ms) => `0 to ${ms / 1000} s`),
        ]),
      );
    case 'access':
      return accessMatrix();
    case 'scopes':
      return scopeTable(MANIFEST);
    case 'cost':
      return costTable([100, 1_000, 10_000, 100_000]);
    case 'watching':
      return describeWatchingCost(WATCH_EVERY_MS / 1000);
    case 'stripe_events':
      return [
        `- **A webhook endpoint**, API version \`${Stripe.API_VERSION}\`: ${listed(HANDLED_EVENTS)}.`,
        `- **An event destination for thin events**: ${listed(HANDLED_THIN_EVENTS)}.`,
      ].join('\n');
    case 'settings':
      return table(
        ['Variable', 'Meaning', 'When not set'],
        Object.entries(SETTINGS).map(([name, { meaning, source, default: usual = '', unset = usual }]) => [
          `\`${name}\``,
          source === 'secret' ? `${meaning} Secret.` : meaning,
          unset,
        ]),
      );
    default:
      throw new Error(`no section is called ${name}`);
  }
}

function listed(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(', ');
}

const CALLERS = {
  license: 'license key',
  operator: 'operator',
  scheduler: 'Cloud Scheduler',
  pubsub: 'Pub/Sub',
  stripe: 'Stripe',
  anyone: 'anyone',
  person: 'signed in',
  member: 'member',
  admin: 'tenant admin',
  owner: 'tenant owner',
} as const;

function apiTable(manifest: readonly FunctionContract[]): string {
  const rows = manifest.flatMap(({ name, endpoints }) =>
    Object.values(endpoints).map((endpoint: EndpointContract) => [
      `\`${endpoint.method} ${endpoint.path}\``,
      name,
      endpoint.auth.map((kind) => CALLERS[kind]).join(', '),
      endpoint.summary,
    ]),
  );
  return table(['Route', 'Function', 'Who', 'What'], rows);
}

/** The actions that each kind of caller can do, with a column for each kind. */
function accessMatrix(): string {
  const columns = [
    ['anyone', ['anyone']],
    ['license key', ['license']],
    ['signed in', ['person']],
    ['member', ['member']],
    ['admin', ['member', 'admin']],
    ['owner', ['member', 'admin', 'owner']],
    ['operator', ['operator']],
    ['the cloud', ['scheduler', 'pubsub']],
    ['Stripe', ['stripe']],
  ] as const;
  const rows = Object.entries(ACCESS).map(([action, grants]: [string, readonly Grant[]]) => [
    `\`${action}\``,
    ...columns.map(([, held]) => (held.some((grant) => grants.includes(grant)) ? 'yes' : '')),
  ]);
  return table(['Action', ...columns.map(([name]) => name)], rows);
}

/** What each scope of operator tokens allows. Scopes without an endpoint are left out. */
function scopeTable(manifest: readonly FunctionContract[]): string {
  const uses = manifest.flatMap(({ name, endpoints }) =>
    Object.values(endpoints)
      .filter(({ auth }) => auth.includes('operator'))
      .map(({ method, path }) => ({ scope: scopeOf(name, method), call: `\`${method} ${path}\`` })),
  );
  const byScope = Map.groupBy(uses, ({ scope }) => scope);
  return table(
    ['Scope', 'Allows'],
    [...byScope].map(([scope, calls]) => [`\`${scope}\``, calls.map(({ call }) => call).join(', ')]),
  );
}

/**
 * A composite index for every query that filters: the filtered fields, then the order, then the document id, which
 * Firestore adds itself in the order's direction. Of the indexes that Firestore keeps for every single field by itself,
 * only those remain that a query without filter needs: each of the others costs storage, and slows down every write.
 */
function firestoreIndexes() {
  const [ordered, filtered] = [
    QUERIES.filter(({ where }) => where.length === 0),
    QUERIES.filter(({ where }) => where.length > 0),
  ];
  return {
    indexes: filtered.map(({ collection, where, orderBy }) => ({
      collectionGroup: collection.name,
      queryScope: 'COLLECTION',
      fields: [
        ...where.map((fieldPath) => ({ fieldPath, order: 'ASCENDING' })),
        { fieldPath: orderBy.field, order: orderOf(orderBy) },
      ],
    })),
    fieldOverrides: [
      ...[...Map.groupBy(ordered, ({ collection, orderBy }) => `${collection.name}.${orderBy.field}`)].map(
        ([, queries]) => ({
          collectionGroup: queries[0]?.collection.name,
          fieldPath: queries[0]?.orderBy.field,
          indexes: queries.map(({ orderBy }) => ({ order: orderOf(orderBy), queryScope: 'COLLECTION' })),
        }),
      ),
      // `*` is every field without an entry of its own, those of later versions included
      // (https://firebase.google.com/docs/firestore/query-data/index-overview, single-field index exemptions).
      ...[...new Set(Object.values(collections).map(({ name }) => name))]
        .toSorted()
        .map((collectionGroup) => ({
          collectionGroup,
          fieldPath: '*',
          indexes: [],
        })),
    ],
  };
}

function orderOf({ direction }: { readonly direction: 'asc' | 'desc' }): 'ASCENDING' | 'DESCENDING' {
  return direction === 'asc' ? 'ASCENDING' : 'DESCENDING';
}
