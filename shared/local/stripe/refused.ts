/** An error answer in Stripe's format (docs.stripe.com/api/errors). */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly status: number;
  readonly error: Readonly<Record<string, string>>;

  constructor(status: number, error: Readonly<Record<string, string>>) {
    super(error.message);
    this.status = status;
    this.error = { type: 'invalid_request_error', ...error };
  }
}

/** Stripe's error for a parameter that the call does not have. */
export function unknownParameter(param: string): Refused {
  const message = `Received unknown parameter: ${param}`;
  return new Refused(400, { code: 'parameter_unknown', param, message });
}

/** Stripe's error for a required parameter. */
export function missingParameter(param: string): Refused {
  const message = `Missing required param: ${param}.`;
  return new Refused(400, { code: 'parameter_missing', param, message });
}

/** Stripe's error for an unknown id: a 404 if the id is in the path, a 400 if it is in a parameter. */
export function missing(what: string, given: string, param?: string): Refused {
  return new Refused(param === undefined ? 404 : 400, {
    code: 'resource_missing',
    param: param ?? 'id',
    message: `No such ${what}: '${given}'`,
  });
}
