import { createHash } from 'node:crypto';
import type { Account } from './account.ts';
import { isKnown } from './deduplication.ts';
import { checkExpand, expand } from './expand.ts';
import type { Form } from './form.ts';
import { checkObject } from './official/objects.ts';
import { checkRequest } from './official/requests.ts';
import { API_VERSION, type Call as CallOfStripe, callAt } from './official/table.ts';
import { Refused } from './refused.ts';
import { ROUTES } from './routes/index.ts';
import type { Route } from './routes/route.ts';
import { show } from './show.ts';
import { at } from './state.ts';

const LONGEST_KEY = 255;

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly form: Form;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Answers an API call like Stripe, including errors. With `failure`, the call does nothing and fails. */
export function answerCall(account: Account, call: Call, failure?: Answer): Answer {
  try {
    if (call.headers.authorization !== `Bearer ${account.state.apiKey}`)
      throw new Refused(401, { message: 'Invalid API Key provided.' });
    if (call.headers['stripe-version'] !== API_VERSION)
      throw new Refused(400, { message: `The fake Stripe supports only version ${API_VERSION}.` });
    const key = call.headers['idempotency-key'];
    if (key !== undefined && key.length > LONGEST_KEY)
      throw new Refused(400, { type: 'idempotency_error', message: 'Idempotency keys are too long.' });
    const work = failure ? () => failure : prepare(call);
    return call.method === 'POST' && typeof key === 'string'
      ? answerOnce(account, call, key, work)
      : work(account);
  } catch (error) {
    return refusal(error);
  }
}

/**
 * Returns the same answer for the same key and request, even if it is an error; refuses the same key with another
 * request. A request with invalid parameters does not use up its key (docs.stripe.com/api/idempotent_requests).
 */
function answerOnce(account: Account, call: Call, key: string, work: Work): Answer {
  const { answers } = account.state;
  const requestHash = createHash('sha256')
    .update(JSON.stringify([call.method, call.path, call.form]))
    .digest('hex');
  const before = at(answers, key);
  if (!before || !isKnown(account, before.at)) {
    const { status, body } = work(account);
    answers[key] = { asked: requestHash, status, body, at: account.now() };
    return { status, body };
  }
  if (before.asked !== requestHash) {
    const message = 'Keys for idempotent requests can only be used with the same parameters.';
    throw new Refused(400, { type: 'idempotency_error', message });
  }
  const { status, body } = before;
  return { status, body, headers: { 'idempotent-replayed': 'true' } };
}

type Work = (account: Account) => Answer;

/** Checks the parameters, and returns what the call does. */
function prepare(call: Call): Work {
  const { route, id, official } = find(call);
  checkRequest(official.parameters, call.form);
  const { expand: paths, form } = withoutExpand(call.form);
  checkExpand(paths, official.answer);
  const work = route.prepare(form);
  return (account) => {
    try {
      const { state } = account;
      const answer = expand(state, show(state, work(account, id)), paths);
      checkObject(official.answer, answer, `${call.method} ${call.path}`);
      return json(200, answer);
    } catch (error) {
      return refusal(error);
    }
  };
}

function refusal(error: unknown): Answer {
  if (error instanceof Refused) return json(error.status, { error: error.error });
  throw error;
}

function find({ method, path }: Call): { route: Route; id: string; official: CallOfStripe } {
  for (const route of ROUTES) {
    const match = route.method === method ? route.path.exec(path) : null;
    const official = match ? callAt(method, path) : undefined;
    if (match && official) return { route, id: match[1] ?? '', official };
  }
  throw new Refused(404, { message: `Unrecognized request URL (${method}: ${path}).` });
}

/** All calls can expand their answers, so their routes need not know of it. */
function withoutExpand(form: Form): { form: Form; expand: readonly string[] } {
  if (typeof form !== 'object' || !('expand' in form)) return { form, expand: [] };
  const { expand, ...rest } = form;
  const paths = Array.isArray(expand) ? expand.filter((path) => typeof path === 'string') : [];
  return { form: rest, expand: paths };
}

function json(status: number, body: object): Answer {
  return { status, body: JSON.stringify(body) };
}
