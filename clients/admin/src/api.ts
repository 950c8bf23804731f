import * as z from 'zod/mini';
import type { EndpointContract, FunctionContract } from '../../../shared/http/contract.ts';
import { CommandError } from '../../command-line/errors.ts';
import type { Target } from './target.ts';

/** What an endpoint takes, as it is sent. */
export type RequestOf<E extends EndpointContract> = {
  readonly [P in 'params' | 'query' | 'body' as E[P] extends z.ZodMiniType ? P : never]: z.input<E[P]>;
};
type BodyOf<S> = S extends z.ZodMiniType ? z.output<S> : undefined;
export type AnswerOf<E extends EndpointContract> = {
  [A in keyof E['answers']]: BodyOf<E['answers'][A]['body']>;
}[keyof E['answers']];

/** A server's HTTP API, held to its contracts from this side too. */
export interface Api {
  /**
   * What the endpoint answers. Throws `CommandError` where it answers with a problem, with something that its contract does
   * not know, or not at all.
   */
  call<F extends FunctionContract, N extends keyof F['endpoints'] & string>(
    contract: F,
    endpoint: N,
    request: RequestOf<F['endpoints'][N]>,
  ): Promise<AnswerOf<F['endpoints'][N]>>;
}

/** A function may use up all of its time, and its answer still has to get here. */
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
  /** `undefined` where it is no JSON. */
  readonly json: unknown;
}

interface Parameters {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
}

async function send(
  target: Target,
  { method, path }: EndpointContract,
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
  try {
    const response = await fetch(url, {
      method,
      // To wherever it points, the key was not meant to go.
      redirect: 'manual',
      headers: {
        authorization: `Operator ${target.operatorKey}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(withinMs),
    });
    return { status: response.status, json: jsonOf(await response.text()) };
  } catch (fault) {
    throw new CommandError(
      `${describeFailure(fault, target, withinMs)} ${target.hintIfUnreachable}${warnIfOutcomeUnknown(fault, method)}`,
    );
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
    const fields = body.error.issues.map(({ path }) => path.join('.') || 'the whole').join(', ');
    throw new CommandError(
      `${target.url} answered ${endpoint.method} ${endpoint.path} in a form that this program does not know (${fields}). Is it of another version?`,
    );
  }
  const problem = z.safeParse(Problem, json);
  if (problem.success) throw new CommandError(formatProblem(problem.data, target));
  throw new CommandError(
    `${target.url} answered with ${status}, as Seatlease does not. Is it the right address?`,
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
    return `${url} has not answered within ${withinMs / 1000} s.`;
  switch (causeOf(fault)) {
    case 'ECONNREFUSED':
      return `Nothing answers at ${url}.`;
    case 'ENOTFOUND':
      return `Nobody knows the host of ${url}.`;
    default:
      return `${url} does not answer (${causeOf(fault) ?? fault}).`;
  }
}

function warnIfOutcomeUnknown(fault: unknown, method: string): string {
  const wasNotSent = ['ECONNREFUSED', 'ENOTFOUND'].includes(causeOf(fault) ?? '');
  return method === 'GET' || wasNotSent
    ? ''
    : '\nWhether it was done is not known: look before you try again.';
}

function causeOf(fault: unknown): string | undefined {
  return z.safeParse(z.object({ cause: z.object({ code: z.string() }) }), fault).data?.cause.code;
}
