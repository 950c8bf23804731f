/**
 * One deadline for everything that the Firestore SDK does for one request.
 *
 * Three layers of the SDK retry on top of one another, and none of their limits can be set: by default, a read from a
 * Firestore that refuses connections fails after 45 s and a write after 10 minutes, with timers running all the time.
 * Channels accept a `grpc.callInvocationTransformer`, which sees every attempt of every layer; attempts of one request
 * share its request object, which identifies them.
 */

import { CANNOT_SERVE, STATUS, statusName } from '../grpc/status.ts';

/** The part of grpc-js' CallProperties used here. */
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

/** A status that Firestore never sends and no layer retries: it replaces a status that the SDK would retry. */
export const GAVE_UP = STATUS.OUT_OF_RANGE;

/** In milliseconds. */
export interface CallDeadlines {
  /**
   * A request that fails after this time is not retried, unless it lost to another transaction: then it is retried
   * until its deadline.
   */
  readonly retryWindowMs: number;
  /** A read waits for no locks. */
  readonly readMs: number;
  /** A commit, and a read in a transaction, may have to wait for another transaction's locks. */
  readonly lockingMs: number;
}

const DEADLINES: CallDeadlines = { retryWindowMs: 2_000, readMs: 4_000, lockingMs: 12_000 };

export interface CallLimits {
  /** For the client's settings, under `grpc.callInvocationTransformer`. */
  limit<C extends RpcCall>(call: C): C;
  /** From now on nothing is retried, and new requests fail. */
  stop(): void;
}

/** Limits for one client; `changed` replaces deadlines. */
export function callLimits(changed: Partial<CallDeadlines> = {}): CallLimits {
  const deadlines = { ...DEADLINES, ...changed };
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
      const leftMs = stopped ? 0 : Math.max(0, deadlineMs(call, deadlines) - ageMs());
      call.callOptions.deadline = new Date(Date.now() + leftMs);
      const isLastAttempt = (code: number) =>
        stopped || isFinal(call, code) || (code !== STATUS.ABORTED && ageMs() >= deadlines.retryWindowMs);
      call.callOptions.interceptors = [reportFailure(isLastAttempt)];
      return call;
    },
    stop() {
      stopped = true;
    },
  };
}

function deadlineMs({ methodDefinition, argument }: RpcCall, { readMs, lockingMs }: CallDeadlines): number {
  const isPlainRead = !methodDefinition.path.endsWith('/Commit') && !isTransactional(argument);
  return isPlainRead ? readMs : lockingMs;
}

function isFinal({ methodDefinition, argument }: RpcCall, code: number): boolean {
  // After this status the SDK's transactions would sleep for up to 90 s.
  if (code === STATUS.RESOURCE_EXHAUSTED) {
    return true;
  }
  // A create whose response was lost, sent again, would find its own document and report that it exists.
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
      // The innermost layer (retry-request) retries every failure without metadata, even a denied permission.
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
