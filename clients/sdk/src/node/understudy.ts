import { performance } from 'node:perf_hooks';
import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { MAX_ANSWER_BYTES, type Request, type Understudy, type UnderstudyAnswer } from '../platform.ts';
import { environmentOfHelpers } from './start-process.ts';
import { type Address, hasNodeOption, proxyEnvironment } from './transport.ts';

/** What the worker posts for each complete answer. */
interface Posted {
  readonly request: Request;
  readonly sentAt: { readonly wallMs: number; readonly hrtimeMs: number };
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

/**
 * Source text: in a bundled app there is no separate file. It knows nothing of the protocol. Each seat has a port, on which it
 * plans and cancels. It connects to the address that the last answer came from: a DNS lookup cannot be canceled, and the
 * program could not end before it fails, not even by `process.exit` (9 s with a silent DNS server). This changes `dns.lookup`
 * of this thread alone; an option for it would not reach the connection to a proxy.
 */
const WORKER = `
'use strict';
const { parentPort, workerData } = require('node:worker_threads');
const dns = require('node:dns');
const { proxyEnv, maxAnswerBytes } = workerData;

// Set before each connect, which looks up at once.
let address;
dns.lookup = (host, options, found) => {
  if (options.all) found(null, [address]);
  else found(null, address.address, address.family);
};

parentPort.on('message', (port) => {
  let timer;
  let latest;
  port.on('message', (plan) => {
    clearTimeout(timer);
    latest = plan;
    if (plan) timer = setTimeout(send, plan.inMs, plan);
  });
  function send(plan) {
    const sentAt = { wallMs: Date.now(), hrtimeMs: Number(process.hrtime.bigint()) / 1e6 };
    const request = { ...plan.request, headers: { ...plan.request.headers, 'x-request-id': crypto.randomUUID() } };
    address = plan.address;
    ask(request, plan.timeoutMs, (answer) => {
      if (answer) port.postMessage({ request, sentAt, ...answer });
      if (latest !== plan) return;
      const passedMs = Number(process.hrtime.bigint()) / 1e6 - sentAt.hrtimeMs;
      timer = setTimeout(send, Math.max((answer ? plan.everyMs : plan.retryMs) - passedMs, 1), plan);
    });
  }
});

function ask({ method, url, headers, body = '' }, timeoutMs, done) {
  const { Agent, request } = require(url.startsWith('https:') ? 'node:https' : 'node:http');
  const length = { 'content-length': Buffer.byteLength(body) };
  const sent = request(url, { method, headers: { ...headers, ...length }, agent: new Agent({ proxyEnv }) });
  const timer = setTimeout(() => sent.destroy(), timeoutMs);
  let isAnswered = false;
  sent.on('response', (answer) => {
    isAnswered = true;
    const chunks = [];
    let bytes = 0;
    answer.on('data', (chunk) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > maxAnswerBytes) sent.destroy();
    });
    answer.on('error', () => {});
    answer.on('close', () => {
      clearTimeout(timer);
      if (!answer.complete || bytes > maxAnswerBytes) return done();
      const headers = {};
      for (const [name, value] of Object.entries(answer.headers)) headers[name] = String(value);
      done({ status: answer.statusCode, headers, body: Buffer.concat(chunks).toString() });
    });
  });
  sent.on('error', () => {});
  sent.on('close', () => {
    clearTimeout(timer);
    if (!isAnswered) done();
  });
  sent.end(body);
}
`;

/** A worker, and how many seats use it. */
interface SharedWorker {
  readonly thread: Worker;
  seats: number;
}

/**
 * Returns a function that opens the understudy of one seat. All seats of a program share one worker, which runs while there
 * is a seat. Returns `undefined` where no worker can be started: in a renderer of Electron (ERR_MISSING_PLATFORM_FOR_WORKER),
 * or without `--allow-worker` under Node's permission model.
 */
export function understudies(addressOf: (url: string) => Address | undefined): () => Understudy | undefined {
  let shared: SharedWorker | undefined;

  function start(): SharedWorker {
    const started: SharedWorker = { thread: startWorker(), seats: 0 };
    const forget = (): void => {
      if (shared === started) shared = undefined;
    };
    // An error of a worker without a listener ends the program.
    started.thread.on('error', forget).on('exit', forget).unref();
    return started;
  }

  return () => {
    try {
      shared ??= start();
    } catch {
      return undefined;
    }
    const used = shared;
    used.seats += 1;
    return openPort(used.thread, addressOf, () => {
      used.seats -= 1;
      if (used.seats > 0) return;
      if (shared === used) shared = undefined;
      void used.thread.terminate();
    });
  };
}

function openPort(
  thread: Worker,
  addressOf: (url: string) => Address | undefined,
  stopped: () => void,
): Understudy {
  const { port1: port, port2: remote } = new MessageChannel();
  port.unref();
  thread.postMessage(remote, [remote]);
  let isStopped = false;
  return {
    plan(request, times) {
      const address = addressOf(request.url);
      port.postMessage(address && { request, address, ...times });
    },
    cancel: () => port.postMessage(undefined),
    drain() {
      const answers: UnderstudyAnswer[] = [];
      for (let each = receiveMessageOnPort(port); each; each = receiveMessageOnPort(port))
        answers.push(answerOf(each.message));
      return answers;
    },
    stop() {
      if (isStopped) return;
      isStopped = true;
      port.close();
      stopped();
    },
  };
}

/** Threads share the system's clocks, but each counts `performance.now()` from its own start. */
function answerOf({ request, sentAt, status, headers, body }: Posted): UnderstudyAnswer {
  const agoMs = Number(process.hrtime.bigint()) / 1e6 - sentAt.hrtimeMs;
  return {
    request,
    sentAt: { wallMs: sentAt.wallMs, monotonicMs: performance.now() - agoMs },
    response: { status, header: (name) => headers[name], body },
  };
}

function startWorker(): Worker {
  return new Worker(WORKER, {
    eval: true,
    name: 'seatlease',
    env: environmentOfHelpers(),
    // The only option that decides whether a server is trusted and holds for one thread, not for the process.
    execArgv: hasNodeOption('--use-system-ca') ? ['--use-system-ca'] : [],
    workerData: { proxyEnv: proxyEnvironment(), maxAnswerBytes: MAX_ANSWER_BYTES },
    resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2, stackSizeMb: 1 },
  });
}
