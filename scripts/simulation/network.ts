import {
  type Clock,
  NoAnswer,
  type Request,
  type Response,
  type SendOptions,
} from '../../clients/sdk/src/platform.ts';
import type { Reply } from '../../functions/testing/suite.ts';
import type { Confirmed, Refused } from './beliefs.ts';
import { type Answer, DISTORTIONS, isTrue } from './distortions.ts';
import type { Machine } from './machine.ts';
import type { Fate } from './request-faults.ts';
import type { World } from './world.ts';

/** The sender of a request: a program, or the process that it left behind to send its last requests. */
export interface Sender {
  readonly program: string;
  readonly machine: Machine;
  readonly clock: Clock;
  isAlive(): boolean;
}

export interface Network {
  /** As `Transport.send`. */
  send(sender: Sender, request: Request, options: SendOptions): Promise<Response>;
  readonly confirmed: readonly Confirmed[];
  readonly refusals: readonly Refused[];
  /** Requests that arrived at the server, for the timeline. */
  readonly arrivals: readonly Arrival[];
  /** Number of requests by operation and fate. */
  readonly tally: ReadonlyMap<string, number>;
}

export interface Arrival {
  readonly program: string;
  readonly operation: string;
  readonly sentMs: number;
  readonly atMs: number;
  readonly status: number;
}

export interface NetworkOptions {
  readonly world: World;
  readonly server: (request: Request) => Promise<Reply>;
  /** Called once for each request, in order of sending. */
  readonly nextFate: () => Fate;
}

/** The simulated network between programs and the suite. */
export function openNetwork({ world, server, nextFate }: NetworkOptions): Network {
  const confirmed: Confirmed[] = [];
  const refusals: Refused[] = [];
  const arrivals: Arrival[] = [];
  const tally = new Map<string, number>();

  async function deliver({ program, machine }: Sender, request: Request, sentMs: number): Promise<Answer> {
    const { status, headers, text, body } = await server(request);
    const operation = operationOf(request);
    const atMs = world.nowMs();
    arrivals.push({ program, operation, sentMs, atMs, status });
    if (status < 300 && typeof body?.expires_at === 'string') {
      const expiresAtMs = Date.parse(body.expires_at);
      confirmed.push({
        program,
        machine: machine.name,
        sessionId: body.session_id,
        atMs,
        expiresAtMs,
      });
      // Takes samples just after the lease has ended.
      world.plan(expiresAtMs + 1, () => {});
    }
    return { status, headers: Object.fromEntries(headers), body: text };
  }

  function noteRefusal(program: string, request: Request, { status }: Answer): void {
    if (status === 404 && operationOf(request) === 'heartbeat') {
      refusals.push({ program, sessionId: sessionIn(request), atMs: world.nowMs() });
    }
  }

  function send(sender: Sender, request: Request, options: SendOptions): Promise<Response> {
    const fate = nextFate();
    const outcome = `${operationOf(request)} ${fate.answer.how}`;
    tally.set(outcome, (tally.get(outcome) ?? 0) + 1);

    const exchange = openExchange(sender, options);
    function respond(from: Answer): void {
      if (fate.answer.how === 'NEVER') return;
      const { how, afterMs } = fate.answer;
      const answer = how === 'RESET' ? how : DISTORTIONS[how](from);
      const onRead = (read: Answer): void => {
        if (how !== 'RESET' && isTrue(how)) noteRefusal(sender.program, request, read);
      };
      world.plan(world.nowMs() + afterMs, () => exchange.answer(answer, onRead));
    }

    const sentMs = world.nowMs();
    if (fate.arrivesAfterMs === undefined) respond(NOTHING);
    else
      world.plan(sentMs + fate.arrivesAfterMs, async () => respond(await deliver(sender, request, sentMs)));
    if (fate.againAfterMs !== undefined)
      world.plan(sentMs + fate.againAfterMs, () => deliver(sender, request, sentMs));
    return exchange.response;
  }

  return { send, confirmed, refusals, arrivals, tally };
}

/** A request in progress. It ends with its response, a reset, or its timeout, whichever comes first. */
function openExchange(sender: Sender, { timeoutMs }: SendOptions) {
  const { promise: response, resolve, reject } = Promise.withResolvers<Response>();
  let hasEnded = false;
  const end = (): void => {
    hasEnded = true;
    cancelTimeout();
  };
  const lose = (why: string): void => {
    end();
    reject(new NoAnswer(why));
  };
  const cancelTimeout = sender.clock.after(timeoutMs, () => lose('timed out'), true);

  return {
    response,
    /**
     * Arrives when the machine is awake. `onRead` is called if the program still waits and reads the complete response.
     */
    answer(answer: Answer | 'RESET', onRead: (answer: Answer) => void): void {
      sender.machine.whenAwake(() => {
        if (hasEnded || !sender.isAlive()) return;
        if (answer === 'RESET' || answer.isCutShort) return lose('reset');
        end();
        onRead(answer);
        const { status, headers, body } = answer;
        resolve({ status, body, header: (name) => headers[name] });
      });
    },
  };
}

function operationOf({ url }: Request): string {
  return new URL(url).pathname.split('/').at(-1) ?? '';
}

/** The response to distort if the request never reached the server. */
const NOTHING: Answer = { status: 200, headers: {}, body: '' };

function sessionIn({ body = '{}' }: Request): string {
  return JSON.parse(body).session_id;
}
