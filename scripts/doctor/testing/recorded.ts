import { readFileSync } from 'node:fs';
import { MANIFEST } from '../../../functions/manifest.ts';
import { deployedName } from '../../../functions/names.ts';
import { apisOf } from '../../../infra/apis.ts';
import { readSettings } from '../../../infra/read-settings.ts';
import { configuredIn } from '../../../infra/stack-file.ts';
import { callerOf } from '../../../shared/http/callers.ts';
import type { Answers } from '../answers.ts';
import type { GivenName, Stack } from '../check.ts';
import { STRIPE_ANSWERS, STRIPE_CASES } from './answers/stripe.ts';
import type { Case, Recorded } from './case.ts';

interface AnswerFile {
  /** One entry of each list that depends on the suite. `$functions`, `$indexes` and `$services` are the lists. */
  readonly templates?: {
    readonly function?: RecordedFunction;
    readonly index?: { readonly name: string };
    readonly service?: { readonly name: string };
  };
  readonly healthy: readonly Recorded[];
  readonly faulty: readonly Case[];
}
interface RecordedFunction {
  readonly name: string;
  readonly serviceConfig: object;
}

/** The moment of the recorded answers. */
export const NOW = Date.parse('2026-12-01T12:00:00Z');

export const GIVEN: Partial<Record<GivenName, string>> = {
  UPSTASH_REDIS_REST_URL: 'https://eu2-sample.upstash.io',
  UPSTASH_REDIS_REST_TOKEN: 'the-token-of-the-database',
  UPSTASH_EMAIL: 'owner@example.com',
  UPSTASH_API_KEY: 'the-key-of-the-account',
  STRIPE_SECRET_KEY: 'rk_live_sample',
};

function fileOf(area: string): AnswerFile {
  if (area === 'Stripe') return { healthy: STRIPE_ANSWERS, faulty: STRIPE_CASES };
  const name = area.toLowerCase().replaceAll(' ', '-');
  return JSON.parse(readFileSync(new URL(`./answers/${name}.json`, import.meta.url), 'utf8'));
}

export function casesOf(area: string): readonly Case[] {
  return fileOf(area).faulty;
}

/** The answers of a healthy stack to the questions of `area`, with those of `changed` instead. */
export function answersOf(area: string, changed: Case['answers'] = []): Recorded[] {
  const { healthy, templates = {} } = fileOf(area);
  const replaced = changed.filter((each) => 'request' in each);
  const lists = {
    ...(templates.function && { $functions: functions(templates.function, changed) }),
    ...(templates.index && { $indexes: indexes(templates.index, changed) }),
    ...(templates.service && { $services: services(templates.service, changed) }),
  };
  const filled = healthy.map((recorded) => ({ ...recorded, body: filledIn(recorded.body, lists) }));
  return [...replaced, ...filled];
}

function filledIn(body: unknown, lists: Readonly<Record<string, unknown>>): unknown {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body;
  return Object.fromEntries(
    Object.entries(body).map(([key, value]) => [
      key,
      typeof value === 'string' ? (lists[value] ?? value) : value,
    ]),
  );
}

function functions(template: RecordedFunction, changed: Case['answers']): object[] {
  return MANIFEST.flatMap((contract) => {
    const change = changed
      .filter((each) => 'function' in each)
      .find((each) => each.function === contract.name)?.change;
    const ingressSettings = callerOf(contract) === 'anyone' ? 'ALLOW_ALL' : 'ALLOW_INTERNAL_ONLY';
    const name = template.name.replace('seatlease-acquire', deployedName(contract.name));
    const recorded = { ...template, name, serviceConfig: { ...template.serviceConfig, ingressSettings } };
    return change === null ? [] : [{ ...recorded, ...change }];
  });
}

function indexes(template: { readonly name: string }, changed: Case['answers']): object[] {
  const needed: { collectionGroup: string; queryScope: string; fields: object[] }[] = JSON.parse(
    readFileSync('infra/firestore.indexes.json', 'utf8'),
  ).indexes;
  return needed.flatMap(({ collectionGroup, queryScope, fields }, i) => {
    const change = changed.filter((each) => 'index' in each).find((each) => each.index === i)?.change;
    const name = template.name.replace('COLLECTION', collectionGroup);
    const last = { fieldPath: '__name__', order: 'ASCENDING' };
    return change === null ? [] : [{ ...template, name, queryScope, fields: [...fields, last], ...change }];
  });
}

function services(template: { readonly name: string }, changed: Case['answers']): object[] {
  return [...apisOf(stackOf().settings), 'serviceusage'].map((api) => {
    const { change } = changed.filter((each) => 'service' in each).find((each) => each.service === api) ?? {};
    return { ...template, name: template.name.replace('API', `${api}.googleapis.com`), ...change };
  });
}

/** The first of `recorded` that answers the request. Exact ones are before those with `*`. */
export function answerTo(request: string, recorded: readonly Recorded[]): Recorded | undefined {
  const asked = [request, request.split('?')[0]];
  return (
    recorded.find((each) => asked.includes(each.request)) ??
    recorded.find((each) => asked.some((text) => text !== undefined && matches(each.request, text)))
  );
}

function matches(pattern: string, request: string): boolean {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('[^/:]*')}$`).test(request);
}

/** The request of a question, as recorded answers name it. */
export function requestOf(method: string, url: string, body: unknown): string {
  return `${method} ${url}${Array.isArray(body) ? ` ${body[0]}` : ''}`;
}

/** Answers from `recorded` alone. A request that is not recorded fails the test. */
export function replay(recorded: readonly Recorded[]): Answers {
  return async ({ method = 'GET', url, body }) => {
    const request = requestOf(method, url, body);
    const answer = answerTo(request, recorded);
    if (!answer) throw new Error(`not recorded: ${request}`);
    return answer;
  };
}

/** The production stack of this repository, deployed. */
export function stackOf({ isDeployed = true, given = GIVEN, ...changes }: Case['stack'] = {}): Stack {
  const { publicAccess, protectionLevel, clientId, returnUrl } = changes;
  const settings = readSettings(configuredIn('prod'), MANIFEST);
  return {
    name: 'prod',
    settings: {
      ...settings,
      ...(publicAccess === undefined ? {} : { publicAccess }),
      ...(returnUrl === undefined ? {} : { billing: { returnUrl } }),
      ...(protectionLevel === undefined ? {} : { signingKey: { ...settings.signingKey, protectionLevel } }),
      ...(clientId === undefined ? {} : { signIn: { clientId } }),
    },
    manifest: MANIFEST,
    isDeployed,
    given: (name) => given[name],
    now: () => NOW,
  };
}
