/**
 * One deadline for everything that the Firestore SDK does about one request.
 *
 * Three layers of the SDK retry on top of one another and none of their limits can be set: left alone, a read of a
 * Firestore that refuses connections fails after 45 s and a write after 10 minutes, timers running all the while.
 * Channels take a `grpc.callInvocationTransformer`, through which every attempt of every layer passes; attempts of
 * one request share its request object, which is how they are recognised.
 */

import { CANNOT_SERVE, STATUS, statusName } from '../grpc/status.ts';

/** The part of grpc-js' CallProperties that is used here. */
interface RpcCall {
  readonly argument: unknown;
  readonly methodDefinition: { readonly path: string };
  readonly callOptions: {
    deadline?: Date | number | undefined;
    interceptors?: readonly Interceptor[];
  };
}

type Interceptor = (options: unknown, nextCall: (options: unknown) => StartableCall) => StartableCall;

interface StartableCall {
  start(metadata: unknown, listener?: Listener): void;
}

interface Listener {
  onReceiveMetadata(metadata: unknown): void;
  onReceiveMessage(message: unknown): void;
  onReceiveStatus(status: RpcStatus): void;
}

interface RpcStatus {
  readonly code: number;
  readonly details: string;
  readonly metadata: unknown;
}

/** A status that Firestore never sends and no layer retries: what the SDK gets in place of one it would retry. */
export const GAVE_UP = STATUS.OUT_OF_RANGE;

/**
 * A request that fails when it is this old is not sent again; one that lost to another transaction is, until its
 * deadline.
 */
const retryWindowMs = 2_000;

/** A read waits for nobody. */
const readDeadlineMs = 4_000;

/** A commit, and a read that takes part in a transaction, may have to wait for another transaction's locks. */
const lockingDeadlineMs = 12_000;

export interface CallLimits {
  /** For the client's settings, under `grpc.callInvocationTransformer`. */
  limit<C extends RpcCall>(call: C): C;
  /** From now on nothing is sent again, and nothing new gets an answer. */
  stop(): void;
}

/** Limits for one client. */
export function callLimits(): CallLimits {
  const firstSentAtMs = new WeakMap<object, number>();
  let stopped = false;

  return {
    limit(call) {
      const { argument } = call;
      const nowMs = performance.now();
      const sentAtMs = isObject(argument) ? (firstSentAtMs.get(argument) ?? nowMs) : nowMs;
      if (isObject(argument)) {
        firstSentAtMs.set(argument, sentAtMs);
      }
      const ageMs = () => performance.now() - sentAtMs;
      const leftMs = stopped ? 0 : Math.max(0, deadlineMs(call) - ageMs());
      call.callOptions.deadline = new Date(Date.now() + leftMs);
      const isLastAttempt = (code: number) =>
        stopped || isFinal(call, code) || (code !== STATUS.ABORTED && ageMs() >= retryWindowMs);
      call.callOptions.interceptors = [reportFailure(isLastAttempt)];
      return call;
    },
    stop() {
      stopped = true;
    },
  };
}

function deadlineMs({ methodDefinition, argument }: RpcCall): number {
  const isPlainRead = !methodDefinition.path.endsWith('/Commit') && !isTransactional(argument);
  return isPlainRead ? readDeadlineMs : lockingDeadlineMs;
}

function isFinal({ methodDefinition, argument }: RpcCall, code: number): boolean {
  // After this one the SDK's transactions would sleep for up to 90 s.
  if (code === STATUS.RESOURCE_EXHAUSTED) {
    return true;
  }
  // A create whose answer was lost, sent again, would be told that its own document exists already.
  const isPlainWrite = methodDefinition.path.endsWith('/Commit') && !isTransactional(argument);
  return isPlainWrite && code !== STATUS.ABORTED;
}

function reportFailure(isLastAttempt: (code: number) => boolean): Interceptor {
  return (options, nextCall) => {
    const call = nextCall(options);
    const start = call.start.bind(call);
    call.start = (metadata, listener) => start(metadata, listener && watch(listener, isLastAttempt));
    return call;
  };
}

function watch(listener: Listener, isLastAttempt: (code: number) => boolean): Listener {
  let hasMetadata = false;
  return {
    onReceiveMetadata(metadata) {
      hasMetadata = true;
      listener.onReceiveMetadata(metadata);
    },
    onReceiveMessage(message) {
      listener.onReceiveMessage(message);
    },
    onReceiveStatus(status) {
      // The innermost layer (retry-request) repeats every failure, a denied permission too, that has no metadata.
      if (status.code !== STATUS.OK && !hasMetadata) {
        listener.onReceiveMetadata(status.metadata);
      }
      const givesUp = CANNOT_SERVE.includes(status.code) && isLastAttempt(status.code);
      listener.onReceiveStatus(givesUp ? gaveUp(status) : status);
    },
  };
}

function gaveUp({ code, details, metadata }: RpcStatus): RpcStatus {
  return { code: GAVE_UP, details: `gave up after ${statusName(code)} (${code}): ${details}`, metadata };
}

function isTransactional(argument: unknown): boolean {
  return (
    isObject(argument) &&
    (Boolean(Reflect.get(argument, 'transaction')) || Boolean(Reflect.get(argument, 'newTransaction')))
  );
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
