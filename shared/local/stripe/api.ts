import { createHash } from 'node:crypto';
import type { Account } from './account.ts';
import { isKnown } from './deduplication.ts';
import type { Form } from './form.ts';
import { Refused } from './refused.ts';
import { ROUTES } from './routes/index.ts';
import { show } from './show.ts';
import { API_VERSION, at } from './state.ts';

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

/** Answers an API call like Stripe, including errors. */
export function answerCall(account: Account, call: Call): Answer {
  try {
    if (call.headers.authorization !== `Bearer ${account.state.apiKey}`)
      throw new Refused(401, { message: 'Invalid API Key provided.' });
    if (call.headers['stripe-version'] !== API_VERSION)
      throw new Refused(400, { message: `The fake Stripe supports only version ${API_VERSION}.` });
    const key = call.headers['idempotency-key'];
    if (key !== undefined && key.length > LONGEST_KEY)
      throw new Refused(400, { type: 'idempotency_error', message: 'Idempotency keys are too long.' });
    return call.method === 'POST' && typeof key === 'string'
      ? answerOnce(account, call, key)
      : run(account, call);
  } catch (error) {
    if (error instanceof Refused) return json(error.status, { error: error.error });
    throw error;
  }
}

/** Returns the same answer for the same key and request; refuses the same key with another request. */
function answerOnce(account: Account, call: Call, key: string): Answer {
  const { answers } = account.state;
  const requestHash = createHash('sha256')
    .update(JSON.stringify([call.method, call.path, call.form]))
    .digest('hex');
  const before = at(answers, key);
  if (!before || !isKnown(account, before.at)) {
    const { status, body } = run(account, call);
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

function run(account: Account, { method, path, form }: Call): Answer {
  for (const route of ROUTES) {
    const match = route.method === method ? route.path.exec(path) : null;
    if (match) return json(200, show(account.state, route.answer(account, form, match[1] ?? '')));
  }
  throw new Refused(404, { message: `Unrecognized request URL (${method}: ${path}).` });
}

function json(status: number, body: object): Answer {
  return { status, body: JSON.stringify(body) };
}
