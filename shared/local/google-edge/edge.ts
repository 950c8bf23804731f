import type { IncomingMessage, ServerResponse } from 'node:http';
import { callerOf } from '../../http/callers.ts';
import type { FunctionContract } from '../../http/contract.ts';
import type { ServiceCaller } from '../../ports/deps.ts';
import type { Identity } from '../../ports/identity.ts';
import { answerAsGoogle, type GooglePage } from './google-pages.ts';
import { HostingAnswers } from './hosting-answers.ts';
import { Instances } from './instances.ts';
import { addGoogleHeaders, type Door, setHeader } from './request-headers.ts';

export type { Door } from './request-headers.ts';

/** Google's IAM: who signs tokens, and which account may invoke the function that a service calls. */
export interface Iam {
  readonly identity: Identity;
  readonly invokers: Readonly<Record<ServiceCaller, string>>;
}

export interface EdgeOptions {
  /** Called for the first request of a guarded function. */
  readonly iam: () => Promise<Iam>;
  /** The network address of a caller. Default: that of the connection. */
  readonly addressOf?: (request: IncomingMessage) => string;
  /** Requests that all instances of a function serve at a time. Default: what its contract allows. */
  readonly capacityOf?: (contract: FunctionContract) => number;
  /** How long a request waits for an instance. */
  readonly instanceWaitMs?: number;
  /** How long Hosting waits for an answer. */
  readonly hostingMs?: number;
}

/** https://firebase.google.com/docs/hosting/functions: "a 60-second request timeout". Hosting alone has it. */
const HOSTING_MS = 60_000;
/** https://cloud.google.com/run/docs/about-instance-autoscaling */
const INSTANCE_WAIT_MS = 10_000;

const SERVERLESS_HEADER = 'x-serverless-authorization';

/** A request on its way to a function, which `serve` starts. */
export interface Passage {
  readonly door: Door;
  readonly contract: FunctionContract;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  serve(): void;
}

/**
 * Does to requests and answers what Google does between callers and functions, in the process that serves them. Each
 * habit has its source where it is implemented. Answers of functions that were refused or are too late are Google's.
 */
export class GoogleEdge {
  readonly #options: EdgeOptions;
  readonly #hosting = new HostingAnswers();
  readonly #instances = new Map<string, Instances>();

  constructor(options: EdgeOptions) {
    this.#options = options;
  }

  pass(passage: Passage): void {
    const { door, contract, request, response } = passage;
    const { addressOf = connectionOf } = this.#options;
    addGoogleHeaders(request, door, `seatlease-${contract.name}.run.app`, addressOf(request));
    if (door === 'hosting' && this.#hosting.answerFromCache(request, response)) {
      request.resume();
      return;
    }
    const service = callerOf(contract);
    if (service === 'anyone') this.#run(passage);
    // Ingress is checked first: https://cloud.google.com/run/docs/securing/ingress
    else if (door !== 'internal') refuse(passage, 'NOT_ALLOWED_IN');
    else this.#checkInvoker(passage, service).catch(() => response.destroy());
  }

  /**
   * Verifies the token, and removes its signature. If X-Serverless-Authorization is present, only that header is checked
   * and changed: https://cloud.google.com/run/docs/authenticating/service-to-service, measured in
   * https://github.com/na0fu3y/ochakai/pull/740.
   */
  async #checkInvoker(passage: Passage, service: ServiceCaller): Promise<void> {
    const { request } = passage;
    const name = SERVERLESS_HEADER in request.headers ? SERVERLESS_HEADER : 'authorization';
    const [header = '', ...others] = request.headersDistinct[name] ?? [];
    const [, token] = /^bearer +(\S+)$/i.exec(header) ?? [];
    if (!token) return refuse(passage, header ? 'TOKEN_INVALID' : 'NOT_INVOKER');
    const { identity, invokers } = await this.#options.iam();
    const verified = await identity.verifyServiceToken(token);
    if (verified.verdict === 'REFUSED' || others.length > 0) return refuse(passage, 'TOKEN_INVALID');
    if (verified.email !== invokers[service]) return refuse(passage, 'NOT_INVOKER');
    setHeader(request, name, `Bearer ${token.replace(/[^.]*$/, 'SIGNATURE_REMOVED_BY_GOOGLE')}`);
    this.#run(passage);
  }

  #run(passage: Passage): void {
    const instances = this.#instancesOf(passage.contract);
    const entered = instances.enter();
    const begin = (isAdmitted: boolean): void => {
      const { response } = passage;
      if (!isAdmitted || response.destroyed) {
        refuse(passage, 'NO_INSTANCE');
        if (isAdmitted) instances.leave();
        return;
      }
      const timers = this.#limitTime(passage);
      response.once('close', () => {
        for (const timer of timers) clearTimeout(timer);
        instances.leave();
      });
      passage.serve();
    };
    if (entered === true) begin(true);
    else void entered.then(begin);
  }

  #limitTime({ door, contract, response }: Passage): NodeJS.Timeout[] {
    const { hostingMs = HOSTING_MS } = this.#options;
    const limit = (page: GooglePage, ms: number): NodeJS.Timeout =>
      setTimeout(() => answerAsGoogle(response, page), ms).unref();
    return [
      limit('FUNCTION_TIMEOUT', contract.timeoutSeconds * 1000),
      ...(door === 'hosting' ? [limit('HOSTING_TIMEOUT', hostingMs)] : []),
    ];
  }

  #instancesOf(contract: FunctionContract): Instances {
    const known = this.#instances.get(contract.name);
    if (known) return known;
    const { capacityOf = capacityIn, instanceWaitMs = INSTANCE_WAIT_MS } = this.#options;
    const instances = new Instances(capacityOf(contract), instanceWaitMs);
    this.#instances.set(contract.name, instances);
    return instances;
  }
}

function capacityIn({ maxInstances, concurrency }: FunctionContract): number {
  return maxInstances * concurrency;
}

function connectionOf(request: IncomingMessage): string {
  return request.socket.remoteAddress ?? '';
}

function refuse({ request, response }: Passage, page: GooglePage): void {
  request.resume();
  answerAsGoogle(response, page);
}
