import * as z from 'zod/mini';
import type { EndpointContract, FunctionContract } from '../../../shared/http/contract.ts';
import { CommandError } from '../../command-line/errors.ts';
import type { Target } from './target.ts';

/** The request of an endpoint, as it is sent. */
export type RequestOf<E extends EndpointContract> = {
  readonly [P in 'params' | 'query' | 'body' as E[P] extends z.ZodMiniType ? P : never]: z.input<E[P]>;
};
type BodyOf<S> = S extends z.ZodMiniType ? z.output<S> : undefined;
export type AnswerOf<E extends EndpointContract> = {
  [A in keyof E['answers']]: BodyOf<E['answers'][A]['body']>;
}[keyof E['answers']];

/** A server's HTTP API. Answers are checked against its contracts. */
export interface Api {
  /** Returns the answer. Throws `CommandError` for a problem, for an answer outside the contract, or without an answer. */
  call<F extends FunctionContract, N extends keyof F['endpoints'] & string>(
    contract: F,
    endpoint: N,
    request: RequestOf<F['endpoints'][N]>,
  ): Promise<AnswerOf<F['endpoints'][N]>>;
}

/** Added to the function's timeout: its answer must still arrive. */
const NETWORK_ALLOWANCE_MS = 5_000;

const Problem = z.object({
  code: z.string(),
  title: z.string(),
  detail: z.optional(z.string()),
  request_id: z.optional(z.string()),
});
type Problem = z.infer<typeof Problem>;

export function openApi(target: Target): Api {
  return {
    async call<F extends FunctionContract, N extends keyof F['endpoints'] & string>(
      contract: F,
      name: N,
      request: RequestOf<F['endpoints'][N]>,
    ) {
      const endpoint: EndpointContract | undefined = contract.endpoints[name];
      if (!endpoint) throw new TypeError(`${contract.name} has no endpoint ${name}.`);
      const reply = await send(
        target,
        endpoint,
        request,
        contract.timeoutSeconds * 1000 + NETWORK_ALLOWANCE_MS,
      );
      return read(target, endpoint, reply) as AnswerOf<F['endpoints'][N]>;
    },
  };
}

interface Reply {
  readonly status: number;
  /** `undefined` if the body is not JSON. */
  readonly json: unknown;
}

interface Parameters {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
}

/** Attempts for a request with an `Idempotency-Key`: what the server has already done, it only answers again. */
const ATTEMPTS = 2;

async function send(
  target: Target,
  { method, path, idempotencyKey }: EndpointContract,
  { params = {}, query = {}, body }: Parameters,
  withinMs: number,
): Promise<Reply> {
  const url = new URL(
    path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? '')),
    target.url,
  );
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.set(name, value);
  }
  const headers = {
    authorization: `Operator ${target.operatorKey}`,
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(idempotencyKey === undefined ? {} : { 'idempotency-key': crypto.randomUUID() }),
  };
  for (let attempt = 1; ; attempt += 1) {
    try {
      const response = await fetch(url, {
        method,
        // The key must not be sent to another address.
        redirect: 'manual',
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(withinMs),
      });
      return { status: response.status, json: jsonOf(await response.text()) };
    } catch (fault) {
      if (idempotencyKey !== undefined && attempt < ATTEMPTS && !wasNotSent(fault)) continue;
      throw new CommandError(
        `${describeFailure(fault, target, withinMs)} ${target.hintIfUnreachable}${warnIfOutcomeUnknown(fault, method)}`,
      );
    }
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function read(target: Target, endpoint: EndpointContract, { status, json }: Reply): unknown {
  const answer = Object.values(endpoint.answers).find((known) => known.status === status);
  if (answer) {
    if (!answer.body) return undefined;
    const body = z.safeParse(answer.body, json);
    if (body.success) return body.data;
    const fields = body.error.issues.map(({ path }) => path.join('.') || 'the whole answer').join(', ');
    throw new CommandError(
      `The answer of ${target.url} to ${endpoint.method} ${endpoint.path} has unexpected fields (${fields}). Does the server have another version?`,
    );
  }
  const problem = z.safeParse(Problem, json);
  if (problem.success) throw new CommandError(formatProblem(problem.data, target));
  throw new CommandError(
    `${target.url} answered HTTP ${status}, but not as a license server does. Is the address right?`,
  );
}

function formatProblem({ code, title, detail, request_id }: Problem, target: Target): string {
  return [
    [`${code}:`, title, detail, request_id && `(request ${request_id})`].filter(Boolean).join(' '),
    ...(code === 'CREDENTIALS_INVALID' ? [target.hintIfKeyRefused] : []),
  ].join('\n');
}

function describeFailure(fault: unknown, { url }: Target, withinMs: number): string {
  if (fault instanceof Error && fault.name === 'TimeoutError')
    return `${url} did not answer within ${withinMs / 1000} s.`;
  switch (causeOf(fault)) {
    case 'ECONNREFUSED':
      return `Nothing answers at ${url}.`;
    case 'ENOTFOUND':
      return `The host name of ${url} was not found (DNS, ENOTFOUND).`;
    default:
      return `${url} did not answer (${causeOf(fault) ?? fault}).`;
  }
}

function warnIfOutcomeUnknown(fault: unknown, method: string): string {
  return method === 'GET' || wasNotSent(fault)
    ? ''
    : '\nThe server may have executed the command: check before you repeat it.';
}

function wasNotSent(fault: unknown): boolean {
  return ['ECONNREFUSED', 'ENOTFOUND'].includes(causeOf(fault) ?? '');
}

function causeOf(fault: unknown): string | undefined {
  return z.safeParse(z.object({ cause: z.object({ code: z.string() }) }), fault).data?.cause.code;
}
