// Generated from clients/action/src and clients/sdk by `npm run generate`.

// clients/action/src/main.ts
import { fileURLToPath } from "node:url";

// clients/action/src/hold.ts
import { join as join5 } from "node:path";

// clients/sdk/src/node/platform.ts
import { randomUUID as randomUUID3 } from "node:crypto";
import { hostname } from "node:os";

// clients/sdk/src/node/clock.ts
import { performance as performance2 } from "node:perf_hooks";
var LONGEST_DELAY_MS = 2 ** 31 - 1;
var LONGEST_READING_MS = 10;
var READINGS = 3;
var nodeClock = {
  now() {
    for (let n = 1; ; n += 1) {
      const beforeMs = performance2.now();
      const wallMs = Date.now();
      const monotonicMs = performance2.now();
      if (monotonicMs - beforeMs < LONGEST_READING_MS || n === READINGS) return { wallMs, monotonicMs };
    }
  },
  after(delayMs, call, isAwaited = false) {
    let timer;
    const wait = (leftMs) => {
      const now = Math.min(leftMs, LONGEST_DELAY_MS);
      timer = setTimeout(() => leftMs > now ? wait(leftMs - now) : call(), now);
      if (!isAwaited) timer.unref();
    };
    wait(delayMs);
    return () => clearTimeout(timer);
  }
};

// clients/sdk/src/node/exit.ts
import { constants } from "node:os";

// clients/sdk/src/node/send-afterwards.ts
import { spawn, spawnSync } from "node:child_process";
import { basename } from "node:path";

// clients/sdk/src/node/start-process.ts
import { platform } from "node:os";
import { dirname } from "node:path";
import { getSystemErrorMap } from "node:util";
function detachedOptions() {
  return {
    // The current folder may be removed.
    cwd: platform() === "win32" ? dirname(process.execPath) : "/",
    env: environmentOfHelpers(),
    detached: true,
    windowsHide: true
  };
}
function environmentOfHelpers() {
  const { NODE_OPTIONS: _, ...env } = process.env;
  return env;
}
function startProcess(spawn3, failed) {
  const report = (error) => {
    const { code, errno, message } = error;
    const [name, words] = getSystemErrorMap().get(errno ?? 0) ?? [];
    failed(words === void 0 ? message : `${words} (${name})`, code);
  };
  try {
    const child = spawn3();
    return child.on("error", (error) => child.pid === void 0 && report(error));
  } catch (error) {
    report(error);
    return void 0;
  }
}

// clients/sdk/src/node/send-afterwards.ts
var REQUESTS_VARIABLE = "SEATLEASE_SEND_AFTERWARDS";
var PROGRAM = `
const { requests, timeoutMs } = JSON.parse(process.env.${REQUESTS_VARIABLE});
const end = () => process.exit();
setTimeout(end, timeoutMs);
let left = requests.length;
const done = () => { left -= 1; if (left <= 0) end(); };
if (left === 0) end();
for (const { method, url, headers, body = '' } of requests) {
  const { request } = require(url.startsWith('https:') ? 'node:https' : 'node:http');
  const sent = request(url, { method, headers: { ...headers, 'content-length': Buffer.byteLength(body) } });
  sent.on('response', (answer) => answer.resume());
  sent.on('error', () => {});
  sent.on('close', done);
  sent.end(body);
}
`;
var TIMEOUT_MS = 5e3;
var AWAITED_TIMEOUT_MS = 1e3;
function canSendAfterwards() {
  return /^node(js)?(\.exe)?$/i.test(basename(process.execPath)) && process.env[REQUESTS_VARIABLE] === void 0;
}
function sendAfterwards(requests) {
  const isAwaited = process.pid === 1;
  const timeoutMs = isAwaited ? AWAITED_TIMEOUT_MS : TIMEOUT_MS;
  const message = JSON.stringify({ requests, timeoutMs });
  const args = ["-e", PROGRAM];
  const { env, ...more } = detachedOptions();
  const options = {
    ...more,
    env: { ...env, ELECTRON_RUN_AS_NODE: "1", [REQUESTS_VARIABLE]: message },
    stdio: "ignore"
  };
  if (isAwaited) {
    spawnSync(process.execPath, args, { ...options, timeout: 2 * timeoutMs });
    return;
  }
  startProcess(
    () => spawn(process.execPath, args, options),
    () => {
    }
  )?.unref();
}

// clients/sdk/src/node/exit.ts
var SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];
var IN_TIME_MS = 1e3;
var NO_EFFECT_MS = 50;
var OURS = /* @__PURE__ */ Symbol.for("seatlease exit listener");
function exitHook({ stopWaiting, afterwards = canSendAfterwards() }) {
  const waiting = /* @__PURE__ */ new Set();
  const attempted = /* @__PURE__ */ new WeakSet();
  let isListening = false;
  let isEnding = false;
  let pending = Promise.resolve();
  function inTime() {
    pending = Promise.all([pending, releaseInTime()]);
    return pending;
  }
  async function releaseInTime() {
    const unattempted = [...waiting].filter((each) => !attempted.has(each));
    if (unattempted.length === 0) return;
    const all = unattempted.map(async (each) => {
      attempted.add(each);
      await each.inTime();
      unregister(each);
    });
    let timer;
    const late = new Promise((resolve2) => {
      timer = setTimeout(resolve2, IN_TIME_MS);
    });
    await Promise.race([Promise.allSettled(all), late]);
    clearTimeout(timer);
    stopWaiting();
  }
  function exit() {
    const requests = [...waiting].flatMap((each) => each.afterwards() ?? []);
    waiting.clear();
    if (requests.length > 0 && afterwards) sendAfterwards(requests);
  }
  async function end(signal) {
    if (isEnding || isHandledByHost(signal)) return;
    isEnding = true;
    await inTime();
    exit();
    stopListening();
    process.kill(process.pid, signal);
    setTimeout(() => process.exit(128 + constants.signals[signal]), NO_EFFECT_MS);
  }
  const bySignal = SIGNALS.map((signal) => ({ signal, listener: ours(() => void end(signal)) }));
  function listen() {
    if (isListening) return;
    isListening = true;
    process.on("beforeExit", inTime).on("exit", exit);
    for (const { signal, listener } of bySignal) process.on(signal, listener);
  }
  function stopListening() {
    isListening = false;
    process.off("beforeExit", inTime).off("exit", exit);
    for (const { signal, listener } of bySignal) process.off(signal, listener);
  }
  function unregister(release) {
    waiting.delete(release);
    if (waiting.size === 0 && !isEnding) stopListening();
  }
  return (release) => {
    waiting.add(release);
    listen();
    return () => unregister(release);
  };
}
function ours(listener) {
  return Object.assign(listener, { [OURS]: true });
}
function isHandledByHost(signal) {
  const others = process.listeners(signal).filter((listener) => !(OURS in listener)).length;
  const emitters = [
    Reflect.get(process, "__signal_exit_emitter__"),
    Reflect.get(globalThis, /* @__PURE__ */ Symbol.for("signal-exit emitter"))
  ];
  const yielding = emitters.map((emitter) => hasCount(emitter) ? emitter.count : 0);
  return others > yielding.reduce((sum, count) => sum + count, 0);
}
function hasCount(emitter) {
  return typeof emitter === "object" && emitter !== null && "count" in emitter && typeof emitter.count === "number";
}

// clients/sdk/src/node/fingerprint.ts
import { execFile } from "node:child_process";
import { createHmac, randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { platform as platform2 } from "node:os";
import { promisify } from "node:util";

// clients/sdk/src/errors.ts
var SeatleaseError = class extends Error {
  name = "SeatleaseError";
  code;
  /** HTTP status of the answer; `undefined` if there was none. */
  status;
  /** Seconds after which to retry, if the server sent them. */
  retryAfterSeconds;
  /** Id of the request: give it to the vendor when you ask for help. */
  requestId;
  /** Other fields of the problem document, such as `active` and `max` of SEATS_EXHAUSTED. */
  members;
  constructor(code, message, more = {}) {
    super(message, more);
    this.code = code;
    this.status = more.status;
    this.retryAfterSeconds = more.retryAfterSeconds;
    this.requestId = more.requestId;
    this.members = more.members ?? {};
  }
};

// clients/sdk/src/node/fingerprint.ts
var STORED_AS = "machine";
var THIS_MACHINE = {
  system: platform2(),
  read: (file) => readFile(file, "utf8"),
  run: async (command2, args) => (await promisify(execFile)(command2, args, { timeout: 5e3 })).stdout
};
async function machineFingerprint(storage, sources = THIS_MACHINE) {
  const id = await machineId(sources) ?? await storedId(storage);
  if (id !== void 0) return fingerprintOf(id);
  throw new SeatleaseError(
    "FINGERPRINT_UNAVAILABLE",
    `This machine has no machine id, and none can be stored in ${storage.folder ?? "a home folder: there is none"}. Set SEATLEASE_FINGERPRINT (or the option fingerprint) to a text that identifies this machine, the same on every start, or SEATLEASE_STATE_FOLDER to a folder that can be written and is kept.`
  );
}
function fingerprintOf(id) {
  return createHmac("sha256", id).update("seatlease fingerprint").digest("base64url");
}
async function machineId({ system, read, run: run2 }) {
  switch (system) {
    case "darwin": {
      const args = ["-rd1", "-c", "IOPlatformExpertDevice"];
      return match(() => run2("/usr/sbin/ioreg", args), /"IOPlatformUUID"\s*=\s*"([\w-]+)"/);
    }
    case "win32": {
      const args = ["query", "HKLM\\SOFTWARE\\Microsoft\\Cryptography", "/v", "MachineGuid", "/reg:64"];
      return match(() => run2("reg.exe", args), /MachineGuid\s+REG_SZ\s+([\w-]+)/);
    }
    default: {
      const written = /^([0-9a-f]{32})\s*$/;
      return await match(() => read("/etc/machine-id"), written) ?? await match(() => read("/var/lib/dbus/machine-id"), written);
    }
  }
}
async function match(output, pattern) {
  try {
    return pattern.exec(await output())?.[1];
  } catch {
    return void 0;
  }
}
var RANDOM_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
async function storedId(storage) {
  const stored = await storage.read(STORED_AS);
  if (stored !== void 0 && RANDOM_ID.test(stored)) return stored;
  if (stored !== void 0) await storage.remove(STORED_AS);
  await storage.create(STORED_AS, randomUUID());
  const created = await storage.read(STORED_AS);
  return created !== void 0 && RANDOM_ID.test(created) ? created : void 0;
}

// clients/sdk/src/node/folders.ts
import { mkdir } from "node:fs/promises";
import { homedir, platform as platform3 } from "node:os";
import { dirname as dirname2, isAbsolute, join, resolve } from "node:path";
function stateFolder(env = process.env, system = platform3(), home = homeFolder()) {
  const { SEATLEASE_STATE_FOLDER: given, LOCALAPPDATA: local, XDG_STATE_HOME: state } = env;
  if (given) return resolve(given);
  const inHome = (...names) => home === "" ? void 0 : join(home, ...names);
  switch (system) {
    case "darwin":
      return inHome("Library", "Application Support", "seatlease");
    case "win32":
      return local ? join(local, "seatlease") : inHome("AppData", "Local", "seatlease");
    default:
      if (state && isAbsolute(state)) return join(state, "seatlease");
      return inHome(".local", "state", "seatlease");
  }
}
function homeFolder() {
  try {
    const home = homedir();
    return isAbsolute(home) ? home : "";
  } catch {
    return "";
  }
}
async function makeFolder(folder, isParentMade = false) {
  try {
    await mkdir(folder, { mode: 448 });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : void 0;
    if (code === "EEXIST") return;
    if (code !== "ENOENT" || isParentMade || dirname2(folder) === folder) throw error;
    await makeFolder(dirname2(folder));
    await makeFolder(folder, true);
  }
}

// clients/sdk/src/node/storage.ts
import { createHash, randomUUID as randomUUID2 } from "node:crypto";
import { link, readFile as readFile2, rename, rm, writeFile } from "node:fs/promises";
import { join as join2 } from "node:path";
function fileStorage(folder) {
  if (folder === void 0) return NOTHING;
  const fileOf = (name) => join2(folder, `${fileNameOf(name)}.json`);
  async function write(name, text2, publish) {
    const file = fileOf(name);
    const draft = `${file}.${randomUUID2()}`;
    try {
      await makeFolder(folder);
      await writeFile(draft, text2, { mode: 384, flag: "wx", flush: true });
      await publish(draft, file);
    } catch {
    }
    await rm(draft, { force: true }).catch(() => void 0);
  }
  return {
    folder,
    async read(name) {
      try {
        return await readFile2(fileOf(name), "utf8");
      } catch {
        return void 0;
      }
    },
    write: (name, text2) => write(name, text2, rename),
    create: (name, text2) => write(name, text2, linkOrRename),
    async remove(name) {
      await rm(fileOf(name), { force: true }).catch(() => void 0);
    }
  };
}
var NOTHING = {
  folder: void 0,
  read: async () => void 0,
  write: async () => void 0,
  create: async () => void 0,
  remove: async () => void 0
};
async function linkOrRename(draft, file) {
  try {
    await link(draft, file);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return;
    await rename(draft, file);
  }
}
function fileNameOf(name) {
  return createHash("sha256").update(name).digest("hex").slice(0, 32);
}

// clients/sdk/src/node/transport.ts
import http from "node:http";
import https from "node:https";

// clients/sdk/src/platform.ts
var LONGEST_TIMEOUT_MS = 1e4;
var LEAST_TIMEOUT_MS = 250;
var MAX_ANSWER_BYTES = 1048576;
var NoAnswer = class extends Error {
  name = "NoAnswer";
};

// clients/sdk/src/stopwatch.ts
var DIVERGED_MS = 250;
var Stopwatch = class {
  #clock;
  #anchor;
  #atAnchorMs = 0;
  #latestMs = 0;
  constructor(clock) {
    this.#clock = clock;
    this.#anchor = clock.now();
  }
  read() {
    const now = this.#clock.now();
    const monotonicMs = now.monotonicMs - this.#anchor.monotonicMs;
    const wallMs = now.wallMs - this.#anchor.wallMs;
    const passedMs = this.#atAnchorMs + Math.max(monotonicMs, wallMs, 0);
    this.#latestMs = Math.max(this.#latestMs, passedMs);
    if (Math.abs(monotonicMs - wallMs) > DIVERGED_MS) {
      this.#anchor = now;
      this.#atAnchorMs = this.#latestMs;
    }
    return this.#latestMs;
  }
};

// clients/sdk/src/options.ts
var isText = (value) => typeof value === "string" && value !== "" && value.length <= 256;
var isHeaderText = (value) => /^[!-~]+$/.test(String(value ?? ""));
var text = (value) => !isText(value) && "must be a text of 1 to 256 characters.";
var checkedElsewhere = () => false;
var OPTIONS = {
  url: checkedElsewhere,
  licenseKey: (value) => !isHeaderText(value) && "must be a text without spaces.",
  signIn: (value) => typeof Object(value).accessToken !== "function" && "must have accessToken().",
  licenseId: text,
  userId: text,
  processId: text,
  fingerprint: text,
  hostname: (value) => value !== "" && text(value),
  appVersion: text,
  publicKeys: checkedElsewhere
};
var ACQUIRE_OPTIONS = {
  wait: (value) => !(typeof value === "boolean" || Object(value).atMostSeconds >= 0) && "must be true, false or { atMostSeconds: number }.",
  signal: (value) => typeof Object(value).addEventListener !== "function" && "must be an AbortSignal."
};
function optionInvalid(option, fault) {
  return new SeatleaseError("OPTION_INVALID", `${option} ${fault}`, { members: { option } });
}
function check(options, rules) {
  if (typeof options !== "object" || options === null) throw optionInvalid("options", "must be an object.");
  for (const [option, value] of Object.entries(options)) {
    const rule = rules[option] ?? (() => `is not an option. Options are ${Object.keys(rules).join(", ")}.`);
    const fault = value !== void 0 && rule(value);
    if (fault) throw optionInvalid(option, fault);
  }
}
function checkOptions(options) {
  check(options, OPTIONS);
  const { url, licenseKey, signIn, licenseId } = options;
  const address = checkUrl(url);
  if (!licenseKey === !signIn) throw optionInvalid("licenseKey", "or signIn is required, and not both.");
  if (signIn && !licenseId) throw optionInvalid("licenseId", "is required with signIn.");
  return { ...address, credentials: signIn ? { signIn } : { licenseKey: String(licenseKey) } };
}
function checkAcquireOptions(options, more = {}) {
  check(options, { ...ACQUIRE_OPTIONS, ...more });
  const { wait = false, signal } = options;
  const seconds = typeof wait === "object" ? wait.atMostSeconds : Number.POSITIVE_INFINITY;
  return { waitMs: wait && seconds > 0 ? seconds * 1e3 : void 0, signal };
}
function isLoopback(hostname3) {
  return hostname3 === "localhost" || hostname3 === "[::1]" || /^127(\.\d{1,3}){3}$/.test(hostname3);
}
function checkUrl(url) {
  if (url === void 0) throw optionInvalid("url", "is required.");
  const given = String(url);
  if (given.includes("@")) throw optionInvalid("url", "must not contain a password.");
  const address = URL.canParse(given) ? new URL(given) : void 0;
  const isLocal = isLoopback(String(address?.hostname));
  if (!address || address.protocol !== "https:" && !(address.protocol === "http:" && isLocal))
    throw optionInvalid(
      "url",
      `must be an https:// address (http:// only for this machine), not "${given}".`
    );
  return { base: `${address.origin}${address.pathname.replace(/\/+$/, "")}`, isLocal };
}

// clients/sdk/src/node/failure.ts
function describeFailure(error, url) {
  const { code, message } = partsOf(error);
  if (code === "ECONNREFUSED") return `connection refused.${hintFor(url)}`;
  return `${reasonOf(code, message)}.`;
}
function reasonOf(code, message) {
  switch (code) {
    case void 0:
      return message;
    case "ENOTFOUND":
      return `the host name was not found (DNS, ${code})`;
    case "EAI_AGAIN":
      return `the host name could not be looked up (DNS, ${code})`;
    case "ECONNRESET":
    case "EPIPE":
      return `the connection was closed (${code})`;
    case "ETIMEDOUT":
      return `timed out while connecting (${code})`;
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return `the host cannot be reached (${code})`;
    default:
  }
  if (code.startsWith("HPE_")) return `the answer is not HTTP (${code})`;
  return isTls(code) ? `TLS failed: ${message} (${code})` : `${message} (${code})`;
}
function isTls(code) {
  return code === "EPROTO" || /^ERR_(TLS|SSL)_|CERT|CRL|^(INVALID_CA|PATH_LENGTH_EXCEEDED|INVALID_PURPOSE)$/.test(code);
}
function hintFor({ hostname: hostname3 }) {
  return isLoopback(hostname3) ? " The local server is not running." : "";
}
function partsOf(error) {
  if (!(error instanceof Error)) return { code: void 0, message: String(error) };
  const code = "code" in error && typeof error.code === "string" ? error.code : void 0;
  const message = /:SSL routines:[^:]*:([^:]+)/.exec(error.message)?.[1] ?? error.message;
  return { code, message: message.replaceAll(/\s+/g, " ").trim() };
}

// clients/sdk/src/node/transport.ts
var IDLE_CONNECTION_MS = 4e3;
var BACKGROUND_CONNECT_MS = 1500;
function nodeTransport(agents = keepAliveAgents(), backgroundConnectMs = BACKGROUND_CONNECT_MS, clock = nodeClock) {
  const pending = /* @__PURE__ */ new Set();
  const idle = /* @__PURE__ */ new WeakMap();
  const addresses = /* @__PURE__ */ new Map();
  return {
    addressOf: (url) => addresses.get(new URL(url).host),
    async send(request, options) {
      closeIdle(agents, idle);
      const sent = open(request, agents);
      pending.add(sent);
      sent.on("response", ({ socket: { remoteAddress: address, remoteFamily } }) => {
        if (address === void 0) return;
        addresses.set(new URL(request.url).host, { address, family: remoteFamily === "IPv6" ? 6 : 4 });
      });
      try {
        return await answerOf(sent, request, options, backgroundConnectMs);
      } catch (error) {
        const url = new URL(request.url);
        throw new NoAnswer(`No answer from ${url.origin}: ${describeFailure(error, url)}`, { cause: error });
      } finally {
        pending.delete(sent);
        sent.destroy();
        if (sent.socket) idle.set(sent.socket, new Stopwatch(clock));
      }
    },
    stopWaiting() {
      for (const sent of pending) {
        if (sent.socket && !sent.socket.connecting) sent.socket.unref();
        else sent.destroy();
      }
    }
  };
}
function closeIdle(agents, idle) {
  for (const { freeSockets } of [agents.http, agents.https])
    for (const socket of Object.values(freeSockets).flat())
      if (socket && Number(idle.get(socket)?.read()) > IDLE_CONNECTION_MS) socket.destroy();
}
function keepAliveAgents() {
  const options = {
    keepAlive: true,
    timeout: IDLE_CONNECTION_MS,
    proxyEnv: proxyEnvironment()
  };
  return { http: new http.Agent(options), https: new https.Agent(options) };
}
function proxyEnvironment() {
  const { NODE_USE_ENV_PROXY } = process.env;
  return NODE_USE_ENV_PROXY === "1" || hasNodeOption("--use-env-proxy") ? { ...process.env } : void 0;
}
function hasNodeOption(option) {
  const { NODE_OPTIONS = "" } = process.env;
  return [...process.execArgv, ...NODE_OPTIONS.split(/\s+/)].includes(option);
}
function open({ method, url, headers, body }, agents) {
  const length = body === void 0 ? {} : { "content-length": Buffer.byteLength(body) };
  const options = { method, headers: { ...headers, ...length } };
  return new URL(url).protocol === "https:" ? https.request(url, { ...options, agent: agents.https }) : http.request(url, { ...options, agent: agents.http });
}
function answerOf(sent, { body }, options, backgroundConnectMs) {
  const { timeoutMs, background, signal } = options;
  return new Promise((answered, failed) => {
    const giveUp = (why) => () => sent.destroy(new Error(why));
    const seconds = Number((timeoutMs / 1e3).toPrecision(2));
    const timer = setTimeout(giveUp(`timed out after ${seconds} s`), timeoutMs).unref();
    const cancel = giveUp("the request was canceled");
    signal?.addEventListener("abort", cancel, { once: true });
    if (background) {
      const noConnection = giveUp(`no connection within ${backgroundConnectMs / 1e3} s`);
      sent.on("socket", (socket) => unrefSocket(socket, backgroundConnectMs, noConnection));
    }
    let isAnswered = false;
    sent.on("response", (message) => {
      isAnswered = true;
      bodyOf(message).then((text2) => answered(responseOf(message, text2)), failed);
    });
    sent.on("error", failed);
    sent.on("close", () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", cancel);
      if (!isAnswered) failed(new Error("the connection was closed"));
    });
    if (signal?.aborted) cancel();
    else sent.end(body);
  });
}
function unrefSocket(socket, connectMs, giveUp) {
  socket.unref();
  if (!socket.connecting) return;
  const timer = setTimeout(giveUp, connectMs).unref();
  socket.once("connect", () => clearTimeout(timer));
  socket.once("close", () => clearTimeout(timer));
}
async function bodyOf(message) {
  const chunks = [];
  let bytes = 0;
  for await (const chunk of message) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) throw new Error("the answer is larger than 1 MiB");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
function responseOf({ statusCode = 0, headers }, body) {
  return {
    status: statusCode,
    header(name) {
      const value = headers[name];
      return Array.isArray(value) ? value.join(", ") : value;
    },
    body
  };
}

// clients/sdk/src/node/understudy.ts
import { performance as performance3 } from "node:perf_hooks";
import { MessageChannel, receiveMessageOnPort, Worker } from "node:worker_threads";
var WORKER = `
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
function understudies(addressOf) {
  let shared;
  function start() {
    const started = { thread: startWorker(), seats: 0 };
    const forget = () => {
      if (shared === started) shared = void 0;
    };
    started.thread.on("error", forget).on("exit", forget).unref();
    return started;
  }
  return () => {
    try {
      shared ??= start();
    } catch {
      return void 0;
    }
    const used = shared;
    used.seats += 1;
    return openPort(used.thread, addressOf, () => {
      used.seats -= 1;
      if (used.seats > 0) return;
      if (shared === used) shared = void 0;
      void used.thread.terminate();
    });
  };
}
function openPort(thread, addressOf, stopped) {
  const { port1: port, port2: remote } = new MessageChannel();
  port.unref();
  thread.postMessage(remote, [remote]);
  let isStopped = false;
  return {
    plan(request, times) {
      const address = addressOf(request.url);
      port.postMessage(address && { request, address, ...times });
    },
    cancel: () => port.postMessage(void 0),
    drain() {
      const answers = [];
      for (let each = receiveMessageOnPort(port); each; each = receiveMessageOnPort(port))
        answers.push(answerOf2(each.message));
      return answers;
    },
    stop() {
      if (isStopped) return;
      isStopped = true;
      port.close();
      stopped();
    }
  };
}
function answerOf2({ request, sentAt, status, headers, body }) {
  const agoMs = Number(process.hrtime.bigint()) / 1e6 - sentAt.hrtimeMs;
  return {
    request,
    sentAt: { wallMs: sentAt.wallMs, monotonicMs: performance3.now() - agoMs },
    response: { status, header: (name) => headers[name], body }
  };
}
function startWorker() {
  return new Worker(WORKER, {
    eval: true,
    name: "seatlease",
    env: environmentOfHelpers(),
    // The only option that decides whether a server is trusted and holds for one thread, not for the process.
    execArgv: hasNodeOption("--use-system-ca") ? ["--use-system-ca"] : [],
    workerData: { proxyEnv: proxyEnvironment(), maxAnswerBytes: MAX_ANSWER_BYTES },
    resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2, stackSizeMb: 1 }
  });
}

// clients/sdk/src/node/platform.ts
var processId = `${process.pid}.${randomUUID3()}`;
function nodePlatform(options = {}) {
  const transport = nodeTransport(options.agents);
  const storage = fileStorage(options.stateFolder ?? stateFolder());
  let fingerprint;
  return {
    transport,
    clock: nodeClock,
    storage,
    fingerprint: () => fingerprint ??= machineFingerprint(storage).catch((error) => {
      fingerprint = void 0;
      throw error;
    }),
    hostname: () => hostname() || void 0,
    processId,
    atExit: exitHook({
      stopWaiting: transport.stopWaiting,
      afterwards: options.sendAfterExit
    }),
    // A warning is printed and can be handled by the host program; an uncaught exception would end it.
    // Agents cannot be passed to another thread, and without them it may not reach the server.
    ...options.agents ? {} : { understudy: understudies(transport.addressOf) },
    report: (error) => process.emitWarning(error instanceof Error ? error : String(error))
  };
}

// clients/sdk/src/api.ts
var BACKOFFS = { outage: { firstMs: 1e3, longestMs: 6e4 }, seat: { firstMs: 2e3, longestMs: 6e4 }, repair: { firstMs: 3e4, longestMs: 3e5 } };
var NEXT_STEPS = {
  BORROW_LIMIT_REACHED: { next: "stop" },
  BORROW_NOT_ALLOWED: { next: "stop" },
  CREDENTIALS_INVALID: { next: "stop" },
  FORBIDDEN: { next: "stop" },
  GRANT_INVALID: { next: "stop" },
  HOLDER_REQUIRED: { next: "stop" },
  INTERNAL: { next: "outage" },
  LICENSE_EXPIRED: { next: "stop", whileHeld: "repair", within: "lease" },
  LICENSE_NOT_FOUND: { next: "stop" },
  LICENSE_SUSPENDED: { next: "stop", whileHeld: "repair", within: "lease" },
  NOT_ENTITLED: { next: "stop" },
  SEATS_EXHAUSTED: { next: "seat", within: "lease" },
  SESSION_ENDED: { next: "stop" },
  SESSION_NOT_FOUND: { next: "stop", whileHeld: "acquire", byEnded: { released: "stop", evicted: "stop" } },
  SESSIONS_EXHAUSTED: { next: "seat", within: "lease" },
  SIGNED_LIMIT: { next: "stop" },
  VALIDATION_FAILED: { next: "stop", whileHeld: "repair" }
};

// clients/sdk/src/steps.ts
function stepAfter(error, isHeld) {
  const { next, whileHeld = next, byEnded = {} } = rowOf(error);
  const ended = String(error.members.ended);
  if (!isHeld) return next;
  return Object.hasOwn(byEnded, ended) && byEnded[ended] || whileHeld;
}
function isRefusal(error) {
  return rowOf(error).within === "lease";
}
function isOutage(error) {
  return stepAfter(error, false) === "outage";
}
function isRetry(step) {
  return step in BACKOFFS;
}
function rowOf({ code, status = 0 }) {
  const rows = NEXT_STEPS;
  const isFailure = code === "NO_ANSWER" || status === 429 || status >= 500;
  const others = NEXT_STEPS[isFailure ? "INTERNAL" : "VALIDATION_FAILED"];
  const known = code === "SIGN_IN_REFUSED" ? "CREDENTIALS_INVALID" : code;
  return Object.hasOwn(rows, known) && rows[known] || others;
}

// clients/sdk/src/parse-answers.ts
var LONGEST_TTL_SECONDS = 90 * 24 * 3600;
var ROUNDING_SECONDS = 2;
function fieldsOf(body) {
  try {
    return Object(JSON.parse(body));
  } catch {
    return {};
  }
}
function readGrant(body) {
  const fields = fieldsOf(body);
  const { session_id: sessionId, session_token: sessionToken, license_id: licenseId } = fields;
  const {
    heartbeat_interval: interval,
    offline_grace_days: graceDays,
    offline_start_days: startDays
  } = fields;
  const lease = readLease(fields, fields.ttl);
  const borrowedUntilMs = readMs(fields.borrowed_until);
  if (!lease || !isText2(sessionId) || !isText2(sessionToken) || !isText2(licenseId)) return void 0;
  if (!isCount(interval) || !isCount(graceDays)) return void 0;
  if (fields.borrowed_until != null && Number.isNaN(borrowedUntilMs)) return void 0;
  const isCut = lease.heartbeatSeconds === lease.ttlSeconds;
  if (!isCut && Math.abs(lease.heartbeatSeconds - interval) > ROUNDING_SECONDS) return void 0;
  return {
    ...lease,
    sessionId,
    sessionToken,
    licenseId,
    graceDays,
    startDays: isCount(startDays) ? startDays : 0,
    borrowedUntil: borrowedUntilMs ? new Date(borrowedUntilMs) : void 0,
    entitlements: readEntitlements(fields.entitlements)
  };
}
function readHeartbeat(body, sessionId) {
  const fields = fieldsOf(body);
  const { status, session_id, session_token: sessionToken, revived, entitlements } = fields;
  const lease = readLease(fields, fields.ttl_extended_to);
  return lease && status === "heartbeat_acknowledged" && session_id === sessionId && isText2(sessionToken) ? {
    ...lease,
    sessionToken,
    revived: revived === true,
    entitlements: entitlements ? readEntitlements(entitlements) : void 0
  } : void 0;
}
function readEntitlements(value) {
  const { plan, features, limits } = Object(value);
  const numbers = Object.entries(Object(limits)).filter(([, limit]) => typeof limit === "number");
  return {
    plan: isText2(plan) ? plan : void 0,
    features: Array.isArray(features) ? features.filter(isText2) : [],
    limits: Object.fromEntries(numbers)
  };
}
function readSigned(body) {
  const token = fieldsOf(body).license_token;
  return isText2(token) ? token : void 0;
}
function readProblem({ status, body, header }) {
  const { type, title, code, detail, status: bodyStatus, request_id, ...members } = fieldsOf(body);
  const urn = `urn:seatlease:problem:${String(code).toLowerCase().replaceAll("_", "-")}`;
  if (!isText2(code) || type !== urn || bodyStatus !== status) return void 0;
  const { retry_after: seconds } = members;
  return new SeatleaseError(code, [title, detail].filter(isText2).join(" ") || code, {
    status,
    retryAfterSeconds: isCount(seconds) ? seconds : readRetryAfter(header("retry-after")),
    requestId: isText2(request_id) ? request_id : void 0,
    members
  });
}
function readRetryAfter(text2) {
  return text2 !== void 0 && /^\d{1,9}$/.test(text2) ? Number(text2) : void 0;
}
function readLease({ expires_at, next_heartbeat_due }, ttl) {
  const expiresAtMs = readMs(expires_at);
  const dueAtMs = readMs(next_heartbeat_due);
  if (!isCount(ttl) || ttl > LONGEST_TTL_SECONDS) return void 0;
  const dueSeconds = ttl - (expiresAtMs - dueAtMs) / 1e3;
  return dueSeconds > -ROUNDING_SECONDS && dueSeconds <= ttl ? { ttlSeconds: ttl, heartbeatSeconds: Math.max(dueSeconds, 0), serverMs: expiresAtMs - ttl * 1e3 } : void 0;
}
function readMs(value) {
  return typeof value === "string" && /^\d{4}-\d\d-\d\dT/.test(value) ? Date.parse(value) : Number.NaN;
}
function isText2(value) {
  return typeof value === "string" && value !== "" && value.length <= 65536;
}
function isCount(value) {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

// clients/sdk/src/node/environment.ts
import { readFileSync } from "node:fs";

// clients/sdk/src/offline/bytes.ts
function utf8(text2) {
  return new TextEncoder().encode(text2);
}
function fromBase64(text2) {
  return Uint8Array.from(
    atob(text2.replaceAll("-", "+").replaceAll("_", "/")),
    (character) => character.charCodeAt(0)
  );
}
function toHex(bytes) {
  return [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
async function digest(...parts) {
  return toHex(await crypto.subtle.digest("SHA-256", utf8(JSON.stringify(parts))));
}

// clients/sdk/src/offline/keys.ts
var RS256 = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
var PUBLIC_KEY_PEMS = /-----BEGIN PUBLIC KEY-----([^-]+)-----END PUBLIC KEY-----/g;
async function importKeys(given) {
  const { keys } = Object(given);
  const pems = String(given).matchAll(PUBLIC_KEY_PEMS);
  try {
    const imported = await Promise.all([
      ...[...pems].map(([, base64 = ""]) => importKey("spki", fromBase64(base64.replace(/\s/g, "")))),
      ...(Array.isArray(keys) ? keys : []).map(({ kty, n, e }) => importKey("jwk", { kty, n, e }))
    ]);
    if (imported.length > 0) return imported;
  } catch {
  }
  throw optionInvalid("publicKeys", "must be PEMs of RSA public keys, or a JSON Web Key Set.");
}
function importKey(format, key) {
  return crypto.subtle.importKey(format, key, RS256, true, ["verify"]);
}

// clients/sdk/src/node/environment.ts
var VARIABLES = {
  url: "SEATLEASE_URL",
  licenseKey: "SEATLEASE_LICENSE_KEY",
  fingerprint: "SEATLEASE_FINGERPRINT",
  publicKeys: "SEATLEASE_PUBLIC_KEYS",
  wait: "SEATLEASE_WAIT"
};
function optionsOf(env) {
  const { SEATLEASE_URL: url, SEATLEASE_LICENSE_KEY: licenseKey, SEATLEASE_FINGERPRINT: fingerprint } = env;
  return {
    ...url && { url },
    ...licenseKey && { licenseKey },
    ...fingerprint && { fingerprint }
  };
}
function waitOf({ SEATLEASE_WAIT: text2 }) {
  if (!text2) return void 0;
  if (text2 === "true" || text2 === "false") return text2 === "true";
  const seconds = /^\d{1,9}(\.\d{1,3})?$/.test(text2) ? Number(text2) : void 0;
  if (seconds !== void 0) return seconds > 0 && { atMostSeconds: seconds };
  throw optionInvalid(VARIABLES.wait, `must be a number of seconds, "true" or "false", not "${text2}".`);
}
function publicKeysOf({ SEATLEASE_PUBLIC_KEYS: file }) {
  if (!file) return void 0;
  const fault = (reason) => optionInvalid(VARIABLES.publicKeys, `names ${file}, which ${reason}.`);
  let text2;
  try {
    text2 = readFileSync(file, "utf8");
  } catch (error) {
    throw fault(`cannot be read: ${error instanceof Error ? error.message : error}`);
  }
  const pems = text2.match(PUBLIC_KEY_PEMS);
  const keys = pems ?? keySetOf(text2);
  if (!keys) throw fault("contains neither PEMs of public keys nor a JSON Web Key Set");
  return keys;
}
function keySetOf(text2) {
  try {
    const set = JSON.parse(text2);
    return Array.isArray(set?.keys) ? set : void 0;
  } catch {
    return void 0;
  }
}
function namingVariable(error, given, env) {
  if (!(error instanceof SeatleaseError) || error.code !== "OPTION_INVALID") return error;
  const option = String(error.members.option);
  const variable = new Map(Object.entries(VARIABLES)).get(option);
  if (variable === void 0 || Reflect.get(given, option) !== void 0) return error;
  const message = env[variable] ? error.message.replace(option, variable) : `${error.message.replace(/\.$/, "")}, or set ${variable}.`;
  return new SeatleaseError("OPTION_INVALID", message, { members: { option } });
}

// clients/sdk/src/backoff.ts
function leastMs(backoff, retryAfterSeconds = 0) {
  return backoff === "seat" ? 0 : Math.min(retryAfterSeconds * 1e3, BACKOFFS.repair.longestMs);
}
var LEAST_SEAT_PAUSE_MS = 1e3;
function pauseMs(backoff, n, retryAfterSeconds) {
  const { firstMs, longestMs } = BACKOFFS[backoff];
  const randomMs = Math.random() * Math.min(longestMs, firstMs * 2 ** n);
  if (backoff === "seat") {
    const freeInMs = (retryAfterSeconds ?? Number.POSITIVE_INFINITY) * 1e3;
    return Math.max(Math.min(randomMs, freeInMs), LEAST_SEAT_PAUSE_MS);
  }
  return leastMs(backoff, retryAfterSeconds) + randomMs;
}
function within(clock, timeoutMs, promise, late) {
  return new Promise((resolve2, reject) => {
    const cancel = clock.after(timeoutMs, () => reject(late));
    promise.then(resolve2, reject).finally(cancel);
  });
}
function oneAtATime() {
  let previous = Promise.resolve();
  return (task) => {
    const done = previous.then(task);
    previous = done.catch(() => void 0);
    return done;
  };
}
function sleep(clock, delayMs, signal) {
  return new Promise((resolve2) => {
    const done = () => {
      cancel();
      resolve2();
    };
    const cancel = clock.after(delayMs, done, true);
    signal?.addEventListener("abort", done, { once: true });
  });
}
function orAborted(promise, signal) {
  if (!signal) return promise;
  return new Promise((resolve2, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    promise.then(resolve2, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}

// clients/sdk/src/acquire-calls.ts
async function identify({ licenseKey, licenseId, userId, fingerprint }, platform4) {
  const machine = fingerprint ?? await platform4.fingerprint();
  const name = await digest(licenseKey ?? String(licenseId), userId ?? "", machine);
  return { fingerprint: machine, name: `seat-${name.slice(0, 32)}` };
}
function acquireCalls({ options, platform: platform4, server, fingerprint, grace }) {
  const inTurn = oneAtATime();
  const { licenseId, userId, appVersion } = options;
  const { processId: processId2 = platform4.processId, hostname: hostname3 = platform4.hostname() } = options;
  async function send({ instanceId, borrowDays, ...sending }) {
    const offlineSince = await grace.offlineSince();
    const answer = await server.call("acquire", {
      body: {
        fingerprint,
        instance_id: instanceId,
        license_id: licenseId,
        user_id: userId,
        process_id: processId2,
        hostname: hostname3 || void 0,
        app_version: appVersion,
        borrow_days: borrowDays,
        offline_since: offlineSince?.toISOString()
      },
      ...sending,
      read: (body) => {
        const grant = readGrant(body);
        return grant && isForRequest(grant, options) ? grant : void 0;
      }
    });
    if (!answer.error) {
      if (offlineSince) grace.reported();
      grace.observe(answer.sentAtMs, answer.body.serverMs);
    }
    return answer;
  }
  return (request) => inTurn(() => send(request));
}
function isForRequest({ licenseId, sessionId }, options) {
  const name = licenseId.slice("lic_".length);
  return sessionId.startsWith(`ses_${name}_`) && (options.licenseId ?? licenseId) === licenseId && (options.licenseKey ?? `slk_${name}_`).startsWith(`slk_${name}_`);
}

// clients/sdk/src/events.ts
var Emitter = class {
  #entries = [];
  #names;
  #platform;
  constructor(names, platform4) {
    this.#names = names;
    this.#platform = platform4;
  }
  on(name, listener) {
    return this.#add(name, listener, false);
  }
  once(name, listener) {
    return this.#add(name, listener, true);
  }
  off(name, listener) {
    this.#check(name, listener);
    const entry = this.#entries.find((one) => one.name === name && one.listener === listener);
    if (entry) this.#remove(entry);
  }
  emit(name, event) {
    for (const entry of this.#entries.filter((one) => one.name === name)) {
      if (entry.isOnce) this.#remove(entry);
      try {
        const given = entry.listener(event);
        if (given instanceof Promise) given.catch((error) => this.#platform.report(error));
      } catch (error) {
        this.#platform.report(error);
      }
    }
  }
  #add(name, listener, isOnce) {
    this.#check(name, listener);
    const entry = { name, listener, isOnce };
    this.#entries = [...this.#entries, entry];
    return () => this.#remove(entry);
  }
  #remove(entry) {
    this.#entries = this.#entries.filter((one) => one !== entry);
  }
  #check(name, listener) {
    if (!this.#names.includes(name))
      throw optionInvalid("name", `must be one of ${this.#names.join(", ")}, not "${String(name)}".`);
    if (typeof listener !== "function") throw optionInvalid("listener", "must be a function.");
  }
};

// clients/sdk/src/offline/server-time.ts
var TOLERANCE_MS = 5 * 6e4;
var LONGEST_CALL_MS = 6e4;
var CERTAIN = 0.995;
var NOTEWORTHY_MS = 6e4;
var ServerTime = class _ServerTime {
  #clock;
  #stopwatch;
  #offsetMs = 0;
  #latestWallMs;
  #contactMs = Number.NEGATIVE_INFINITY;
  /** `issued_at` of the latest signed license. */
  #issuedAtMs = Number.NEGATIVE_INFINITY;
  /** The latest result, and when that was by the stopwatch. */
  #seenMs;
  #seenAtMs;
  constructor(clock, stopwatch) {
    this.#clock = clock;
    this.#stopwatch = stopwatch;
    this.#latestWallMs = clock.now().wallMs;
    this.#seenMs = this.#latestWallMs;
    this.#seenAtMs = stopwatch.read();
  }
  /** Milliseconds since the epoch, by the server's clock. */
  nowMs() {
    const { wallMs } = this.#clock.now();
    const atMs = this.#stopwatch.read();
    const countedMs = this.#seenMs + (atMs - this.#seenAtMs) * CERTAIN;
    this.#latestWallMs = Math.max(this.#latestWallMs, wallMs);
    this.#seenMs = Math.max(countedMs, wallMs + this.#offsetMs);
    this.#seenAtMs = atMs;
    return this.#seenMs;
  }
  isRolledBack() {
    return this.#clock.now().wallMs < this.#latestWallMs - TOLERANCE_MS;
  }
  /**
   * Measures the clock by the server's time in an answer. `sentAtMs`: when its request was sent, by the stopwatch. Returns
   * whether the clock was set since, or wrong.
   */
  observe(sentAtMs, serverMs) {
    const passedMs = this.#stopwatch.read() - sentAtMs;
    if (passedMs > LONGEST_CALL_MS) return false;
    return this.#set(Math.max(serverMs, this.#issuedAtMs) + passedMs);
  }
  /** Takes a signed license that has just arrived as proof. */
  prove(sentAtMs, { issuedAtMs, offlineUntilMs }) {
    this.#issuedAtMs = issuedAtMs;
    const passedMs = Math.min(this.#stopwatch.read() - sentAtMs, LONGEST_CALL_MS);
    const nowMs = this.nowMs();
    if (nowMs < issuedAtMs || nowMs - passedMs >= offlineUntilMs) this.#set(issuedAtMs + passedMs);
    this.#contactMs = this.#seenMs;
  }
  note() {
    const nowMs = this.nowMs();
    return {
      // Not the measured offset: a clock that was set back a little would take back what has passed.
      offsetMs: nowMs - this.#latestWallMs,
      latestWallMs: this.#latestWallMs,
      contactMs: this.#contactMs
    };
  }
  /** The time as a program has noted it, unless this one has heard from the server since. */
  resumed({ offsetMs, latestWallMs, contactMs }, issuedAtMs) {
    if (contactMs <= this.#contactMs) return this;
    const time = new _ServerTime(this.#clock, this.#stopwatch);
    time.#issuedAtMs = issuedAtMs;
    time.#offsetMs = offsetMs;
    time.#latestWallMs = latestWallMs;
    time.#contactMs = contactMs;
    time.#seenMs = Math.max(latestWallMs + offsetMs, issuedAtMs);
    return time;
  }
  #set(nowMs) {
    const { wallMs } = this.#clock.now();
    const offsetMs = nowMs - wallMs;
    const hasMoved = Math.abs(offsetMs - this.#offsetMs) > NOTEWORTHY_MS;
    this.#offsetMs = offsetMs;
    this.#latestWallMs = wallMs;
    this.#contactMs = nowMs;
    this.#seenMs = nowMs;
    this.#seenAtMs = this.#stopwatch.read();
    return hasMoved;
  }
};

// clients/sdk/src/offline/token.ts
var NOT_FOR_PRODUCTION = "not-for-production";
async function verifyToken(token, keys, expected) {
  const [head = "", payload = "", signature = "", ...more] = token.split(".");
  const { alg, typ, kid } = fieldsIn(head);
  if (alg !== "RS256" || typ !== "license+jwt" || typeof kid !== "string")
    throw invalid("It is not a signed license.");
  if (kid.startsWith(NOT_FOR_PRODUCTION) && !expected.isLocal)
    throw invalid("It is signed by a local test server.");
  const key = more.length === 0 && await signerOf(keys, `${head}.${payload}`, signature);
  if (!key) throw invalid(`No key of publicKeys has signed it: key id ${kid}.`);
  const { license: claim, exp } = fieldsIn(payload);
  const license = readLicense(claim);
  if (!license || typeof exp !== "number") throw invalid("It is not a signed license.");
  if (license.fingerprint !== expected.fingerprint) throw invalid("It is for another machine.");
  if ((expected.licenseId ?? license.licenseId) !== license.licenseId)
    throw invalid("It is for another license.");
  await expected.check?.(key, payload);
  return { ...license, offlineUntilMs: Math.min(license.offlineUntilMs, (exp + 1) * 1e3) };
}
function invalid(detail) {
  return new SeatleaseError("OFFLINE_LICENSE_INVALID", `The stored license cannot be used. ${detail}`);
}
async function signerOf(keys, signed, signature) {
  try {
    for (const key of keys)
      if (await crypto.subtle.verify(RS256.name, key, fromBase64(signature), utf8(signed))) return key;
  } catch {
  }
  return void 0;
}
function fieldsIn(part) {
  try {
    return fieldsOf(new TextDecoder().decode(fromBase64(part)));
  } catch {
    return {};
  }
}
function readLicense(claim) {
  const { license_id, fingerprint, plan, features = [], limits = {}, issued_at, offline_until } = claim ?? {};
  const issuedAtMs = readMs(issued_at);
  const offlineUntilMs = readMs(offline_until);
  if (!license_id || !fingerprint || Number.isNaN(issuedAtMs) || Number.isNaN(offlineUntilMs))
    return void 0;
  return { licenseId: license_id, fingerprint, plan, features, limits, issuedAtMs, offlineUntilMs };
}

// clients/sdk/src/offline/store.ts
var VERSION = 1;
var Store = class {
  #storage;
  #name;
  #secret;
  #inTurn = oneAtATime();
  constructor(storage, name, secret) {
    this.#storage = storage;
    this.#name = name;
    this.#secret = secret;
  }
  /** Throws OFFLINE_LICENSE_INVALID if the stored text was changed. */
  async read() {
    return this.#parse(await this.#text());
  }
  async #parse(text2) {
    if (text2 === void 0) return void 0;
    const { v, content, seal } = fieldsOf(text2);
    if (v !== VERSION || typeof content !== "string" || seal !== await this.#seal(content))
      throw invalid("It was changed, or is of another version.");
    return JSON.parse(content);
  }
  /**
   * Replaces what is stored by what `change` makes of it; `undefined` removes it. What was changed by others counts as nothing.
   * Changes of this program run one after the other. Another program may write in between: the later one wins, and storing
   * again every few minutes settles it. Returns whether it was stored; never throws.
   */
  update(change) {
    return this.#inTurn(async () => {
      const before = await this.#text();
      const stored = await this.#parse(before).catch(() => void 0);
      const next = change(stored);
      if (next && next === stored) return true;
      const content = JSON.stringify(next);
      const text2 = next && JSON.stringify({ v: VERSION, content, seal: await this.#seal(content) });
      await (text2 ? this.#storage.write(this.#name, text2) : this.#storage.remove(this.#name));
      const after = await this.#text();
      return after === text2 || after !== before;
    }).catch(() => false);
  }
  #text() {
    return this.#storage.read(this.#name).catch(() => void 0);
  }
  async #seal(content) {
    const secret = utf8(`seatlease offline license ${this.#secret}`);
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    const key = await crypto.subtle.importKey("raw", secret, algorithm, false, ["sign"]);
    return toHex(await crypto.subtle.sign("HMAC", key, utf8(content)));
  }
};
function join3({ isGranted, reportedMs, ...mine }, theirs, nowMs) {
  const isLent = ({ isBorrowed, offlineUntilMs }) => isBorrowed && offlineUntilMs > nowMs;
  const isTheirs = isLent(theirs.license) === isLent(mine.license) ? theirs.license.issuedAtMs > mine.license.issuedAtMs : isLent(theirs.license);
  const { contactMs, latestWallMs } = mine.time;
  const isLater = theirs.time.contactMs > contactMs || theirs.time.contactMs === contactMs && theirs.time.latestWallMs > latestWallMs;
  const reported = theirs.offlineSinceMs === reportedMs ? void 0 : theirs.offlineSinceMs;
  return {
    license: isTheirs ? theirs.license : mine.license,
    time: isLater ? theirs.time : mine.time,
    startDays: isLater ? theirs.startDays : mine.startDays,
    isReleased: !isGranted && theirs.isReleased,
    offlineSinceMs: mine.offlineSinceMs ?? reported
  };
}

// clients/sdk/src/offline/grace.ts
var DAY_MS = 24 * 36e5;
var SIGN_AGAIN_AFTER_MS = DAY_MS;
var TRY_AGAIN_AFTER_MS = 10 * 6e4;
var NOTE_TIME_EVERY_MS = 5 * 6e4;
var TRIES = 3;
var Grace = class {
  #deps;
  #time;
  #license;
  /** What this program stores with the current time; `undefined` until a license was signed or loaded. */
  #mine;
  /** Whether the server has granted a seat since the program started. */
  #isGranted = false;
  #startDays = 0;
  #offlineSinceMs;
  #reportedMs;
  #nextSignAtMs = 0;
  /** Session and loan of the latest signing: another session or loan needs another license. */
  #wanted = "";
  #failures = 0;
  /** Causes that `atRisk` has reported since the latest signed license. */
  #reported = /* @__PURE__ */ new Set();
  #nextNoteAtMs = 0;
  /** Increases when the license is removed: a pending signing must not restore it. */
  #generation = 0;
  constructor(deps) {
    this.#deps = deps;
    this.#time = new ServerTime(deps.platform.clock, deps.stopwatch);
  }
  get offlineUntil() {
    return this.#license && new Date(this.#license.offlineUntilMs);
  }
  /** When a program started without the server, by the server's clock; `undefined` once the server knows it. */
  async offlineSince() {
    await this.#read().catch(() => void 0);
    return this.#offlineSinceMs === void 0 ? void 0 : new Date(this.#offlineSinceMs);
  }
  /** Why the program must not run without the server now; `undefined` if it may. */
  whyUnusable() {
    if (!this.#license) return new SeatleaseError("NO_ANSWER", "No license is stored.");
    return whyUnusable(this.#license, this.#time);
  }
  /** Milliseconds until the license ends; 0 without a license. */
  leftMs() {
    return this.#license ? Math.max(this.#license.offlineUntilMs - this.#time.nowMs(), 0) : 0;
  }
  /** Measures the clock by an answer of the server: `serverMs` is the server's time in its body. */
  observe(sentAtMs, serverMs) {
    if (this.#time.observe(sentAtMs, serverMs)) this.#nextNoteAtMs = 0;
  }
  /**
   * Requests and stores a signed license if that is due. Never throws: a failure is returned, reported and retried later.
   * `background`: no caller waits for it.
   */
  async signIfDue(sessionId, terms, background = true) {
    const { graceDays, startDays, borrowedUntil } = terms;
    if (!this.#deps.keys || graceDays === 0 && !borrowedUntil) return void 0;
    if (!this.#isGranted || startDays !== this.#startDays) this.#nextNoteAtMs = 0;
    this.#isGranted = true;
    this.#startDays = startDays;
    const nowMs = this.#deps.stopwatch.read();
    const wanted = `${sessionId} ${borrowedUntil?.getTime()}`;
    const isDue = nowMs >= this.#nextSignAtMs || !background && this.#failures > 0;
    if (!isDue && wanted === this.#wanted) return void 0;
    this.#wanted = wanted;
    this.#nextSignAtMs = nowMs + TRY_AGAIN_AFTER_MS;
    return this.#sign(sessionId, borrowedUntil !== void 0, background);
  }
  /** Stores the current time for the next start, every five minutes. */
  async storeTime() {
    if (!this.#mine || this.#deps.stopwatch.read() < this.#nextNoteAtMs) return;
    await this.#save();
  }
  /** What is stored; `undefined` if nothing is. Changes nothing. Throws if it cannot be verified. */
  async find() {
    const stored = await this.#read();
    if (!stored) return void 0;
    const { token, sessionId, isBorrowed } = stored.license;
    const license = await this.#verify(token);
    const time = this.#time.resumed(stored.time, license.issuedAtMs);
    const problem = whyUnusable(license, time) ?? whyNotStarted(stored, license, time);
    return { license, sessionId, isBorrowed, problem, stored, time };
  }
  /** Uses what was found. Returns whether the folder can be written. */
  async use({ license, stored, time }) {
    this.#time = time;
    this.#mine = stored;
    this.#license = license;
    return this.#save();
  }
  /** Loads the stored license for a start without the server; `undefined` if nothing is stored. Throws if it cannot be used. */
  async load() {
    const found = await this.find();
    if (found?.problem) throw found.problem;
    if (!found || await this.use(found)) return found;
    this.#license = void 0;
    throw notWritable();
  }
  /** The loaded license is used to start a program without the server. */
  startedOffline() {
    this.#offlineSinceMs ??= Math.floor(this.#time.nowMs());
    void this.#save();
  }
  /** The server has got `offlineSince`. */
  reported() {
    if (this.#offlineSinceMs === void 0) return;
    const reportedMs = this.#offlineSinceMs;
    this.#reportedMs = reportedMs;
    this.#offlineSinceMs = void 0;
    void this.#deps.store.update(
      (stored) => stored?.offlineSinceMs === reportedMs ? { ...stored, offlineSinceMs: void 0 } : stored
    );
  }
  /**
   * The server has confirmed the release. If the license allows a start offline after a release, the stored license stays,
   * with a note of the release; a loan and any other license is deleted. A loan of another program stays.
   */
  async released(startDays) {
    const isLoan = this.#mine?.license.isBorrowed;
    const time = this.#time.note();
    this.forget();
    await this.#deps.store.update((stored) => {
      if (stored?.license.isBorrowed && !isLoan) return stored;
      return stored && !isLoan && startDays > 0 ? { ...stored, time, startDays, isReleased: true } : void 0;
    });
  }
  /** Deletes the stored license: the server has said that there is no right to it. A loan of another program stays. */
  async remove() {
    const isOfLoan = this.#mine?.license.isBorrowed ?? true;
    this.forget();
    await this.#deps.store.update((stored) => stored?.license.isBorrowed && !isOfLoan ? stored : void 0);
  }
  /** The loan of this machine has been returned, or has ended. */
  async loanEnded() {
    if (this.#mine?.license.isBorrowed) this.forget();
    await this.#deps.store.update((stored) => stored?.license.isBorrowed ? void 0 : stored);
  }
  /** What is stored is no longer used by this program. */
  forget() {
    this.#generation += 1;
    this.#license = void 0;
    this.#mine = void 0;
    this.#isGranted = false;
    this.#wanted = "";
  }
  async #sign(sessionId, isBorrowed, background) {
    const { server, stopwatch } = this.#deps;
    const generation = this.#generation;
    const wanted = this.#wanted;
    const isWanted = () => generation === this.#generation && wanted === this.#wanted;
    try {
      const answer = await server.call("sign", {
        body: { session_id: sessionId },
        timeoutMs: LONGEST_TIMEOUT_MS,
        background,
        read: readSigned
      });
      if (answer.error) throw answer.error;
      const token = answer.body;
      const license = await this.#verify(token);
      if (!isWanted()) return void 0;
      const { licenseId, issuedAtMs, offlineUntilMs } = license;
      this.#time.prove(answer.sentAtMs, license);
      this.#license = license;
      this.#nextSignAtMs = stopwatch.read() + SIGN_AGAIN_AFTER_MS * (1 - 0.1 * Math.random());
      this.#failures = 0;
      this.#reported.clear();
      const stored = { token, licenseId, sessionId, isBorrowed, issuedAtMs, offlineUntilMs };
      this.#mine = { license: stored, startDays: this.#startDays, isReleased: false };
      const isStored = await this.#save(true);
      return isStored ? void 0 : notWritable();
    } catch (error) {
      if (isWanted()) this.#failed(error);
      return error;
    }
  }
  #failed(error) {
    this.#failures += 1;
    const pauseMs2 = Math.min((error.retryAfterSeconds ?? 0) * 1e3, SIGN_AGAIN_AFTER_MS);
    this.#nextSignAtMs = this.#deps.stopwatch.read() + Math.max(pauseMs2, TRY_AGAIN_AFTER_MS);
    if (this.#failures < TRIES && isTemporary(error) || this.#reported.has(error.code)) return;
    this.#reported.add(error.code);
    this.#deps.atRisk(error);
  }
  /** Stores what this program knows, and returns whether that succeeded. `isNew`: also if nothing is stored. */
  async #save(isNew = false) {
    const generation = this.#generation;
    this.#nextNoteAtMs = this.#deps.stopwatch.read() + NOTE_TIME_EVERY_MS;
    return this.#deps.store.update((stored) => {
      const mine = this.#mine;
      if (!mine || generation !== this.#generation) return stored;
      const isGranted = this.#isGranted;
      const ours2 = {
        ...mine,
        time: this.#time.note(),
        startDays: isGranted ? this.#startDays : mine.startDays,
        isReleased: !isGranted && mine.isReleased,
        offlineSinceMs: this.#offlineSinceMs
      };
      if (stored)
        return join3({ ...ours2, isGranted, reportedMs: this.#reportedMs }, stored, this.#time.nowMs());
      return isNew || isGranted && !mine.license.isBorrowed ? ours2 : stored;
    });
  }
  async #read() {
    if (!this.#deps.keys) return void 0;
    const stored = await this.#deps.store.read();
    if (stored?.offlineSinceMs !== this.#reportedMs) this.#offlineSinceMs ??= stored?.offlineSinceMs;
    return stored;
  }
  #verify(token) {
    const { keys = [], expected } = this.#deps;
    return verifyToken(token, keys, expected);
  }
};
function whyUnusable({ offlineUntilMs }, time) {
  if (time.isRolledBack())
    return new SeatleaseError("CLOCK_ROLLED_BACK", "The clock was set back: set it right, or go online.");
  if (time.nowMs() < offlineUntilMs) return void 0;
  return new SeatleaseError(
    "OFFLINE_LICENSE_EXPIRED",
    `Offline use was allowed until ${timestamp(offlineUntilMs)}.`
  );
}
function notWritable() {
  return new SeatleaseError("OFFLINE_START_NOT_ALLOWED", "No offline use: the state folder is not writable.");
}
function whyNotStarted({ isReleased, startDays, time: { contactMs }, license: { isBorrowed } }, { offlineUntilMs }, time) {
  const untilMs = Math.min(offlineUntilMs, contactMs + startDays * DAY_MS);
  if (!isReleased || isBorrowed || time.nowMs() < untilMs) return void 0;
  return new SeatleaseError(
    "OFFLINE_START_NOT_ALLOWED",
    `Offline starts were allowed until ${timestamp(untilMs)}.`,
    { members: { until: timestamp(untilMs) } }
  );
}
function isTemporary(error) {
  const step = stepAfter(error, true);
  return step === "acquire" || step === "outage";
}
function timestamp(ms) {
  return new Date(ms).toISOString();
}

// clients/sdk/src/seat.ts
var SEAT_EVENTS = [
  "online",
  "offline",
  "reacquired",
  "graceAtRisk",
  "lost"
];

// clients/sdk/src/lease.ts
var MARGIN = 5e-3;
var TRIES2 = 3;
var LATEST_DUE = 5 / 6;
var LEAST_PAUSE_MS = 1e3;
var Lease = class {
  sentAtMs;
  /** Until then the server certainly counts the seat as ours. */
  endsAtMs;
  heartbeatMs;
  #dueAtMs;
  constructor({ sentAtMs, ttlSeconds, heartbeatSeconds }) {
    this.sentAtMs = sentAtMs;
    const lengthMs = ttlSeconds * 1e3 * (1 - MARGIN);
    this.endsAtMs = sentAtMs + lengthMs;
    this.heartbeatMs = Math.max(Math.min(heartbeatSeconds, ttlSeconds * LATEST_DUE) * 1e3, LEAST_PAUSE_MS);
    this.#dueAtMs = sentAtMs + this.heartbeatMs;
  }
  /** Between tries, so that `TRIES` of them end before the lease does. */
  get pauseMs() {
    return Math.max((this.endsAtMs - this.#dueAtMs) / TRIES2, LEAST_TIMEOUT_MS);
  }
  /** Of one try. */
  get timeoutMs() {
    return Math.max(Math.min(this.pauseMs * 0.75, LONGEST_TIMEOUT_MS), LEAST_TIMEOUT_MS);
  }
  /** Up to a tenth earlier than due, never later: programs that start together spread out their heartbeats. */
  nextHeartbeatAtMs(random) {
    return this.#dueAtMs - this.heartbeatMs * 0.1 * random;
  }
};

// clients/sdk/src/heartbeat-loop.ts
var LONGEST_TIMER_MS = 2e4;
var LOAN_EVERY_MS = 36e5;
var LEAST_TIMER_MS = 10;
var LATE_MS = 2e3;
var LONGEST_LATE_MS = 6e4;
var FIRST_TRY_AFTER_MS = 1e3;
var SURE_PAUSE_MS = { least: 1e3, most: 1e4 };
var HeartbeatLoop = class {
  #deps;
  #seat;
  #understudy;
  #lease;
  /** When the next try is due. */
  #nextAtMs = Number.POSITIVE_INFINITY;
  /** Failed tries in a row. */
  #failed = 0;
  /** The last backoff, and how many retries it has had in a row: another reason begins with short pauses again. */
  #backoff;
  /** Tries that were sent before do not count. */
  #countFromMs = 0;
  #isPending = false;
  #isStopped = true;
  #cancel = () => void 0;
  constructor(deps, seat, understudy) {
    this.#deps = deps;
    this.#seat = seat;
    this.#understudy = understudy;
  }
  /** Whether the server certainly counts the seat as ours. */
  isLeased() {
    return this.#heldLease() !== void 0;
  }
  #heldLease() {
    return this.#lease && this.#deps.stopwatch.read() < this.#lease.endsAtMs ? this.#lease : void 0;
  }
  /** Whether so many tries in a row have failed that it is reported to the program. */
  hasFailed() {
    return this.#failed >= TRIES2;
  }
  /** `extension` is `undefined` for a seat that started offline: its first try is soon. */
  start(extension) {
    this.#isStopped = false;
    this.#isPending = false;
    this.#failed = 0;
    if (extension) this.extend(extension);
    else this.#setNext(this.#deps.stopwatch.read() + FIRST_TRY_AFTER_MS);
    this.#wake();
  }
  stop() {
    this.#isStopped = true;
    this.#cancel();
  }
  /** Takes a good answer. One to an earlier request than the last says nothing about the lease. */
  extend(extension) {
    this.#failed = 0;
    this.#backoff = void 0;
    if (this.#lease && extension.sentAtMs < this.#lease.sentAtMs) return;
    this.#lease = new Lease(extension);
    const loanAtMs = this.#deps.stopwatch.read() + LOAN_EVERY_MS;
    this.#setNext(this.#seat.borrowedUntil ? loanAtMs : this.#lease.nextHeartbeatAtMs(Math.random()));
  }
  /** The next try is due now. */
  hurry() {
    this.#nextAtMs = this.#deps.stopwatch.read();
  }
  /** `lateMs`: how late the timer fired. In hidden browser tabs, timers fire once a minute. */
  #wake(lateMs = 0, stateBefore = this.#seat.stateNow()) {
    this.#cancel();
    this.#understudy?.drain();
    if (this.#isStopped) return;
    if (lateMs > LATE_MS && this.#seat.stateNow() !== stateBefore) this.#countAnew();
    const wokeAtMs = this.#deps.stopwatch.read();
    this.#seat.changed();
    if (this.#isStopped) return;
    const aheadMs = lateMs < LATE_MS ? 0 : Math.min(LONGEST_TIMER_MS + lateMs, LONGEST_LATE_MS);
    if (!this.#isPending && wokeAtMs + aheadMs >= this.#nextAtMs) void this.#try();
    this.#sleep(wokeAtMs);
  }
  /** The state has changed unnoticed: in a sleep, a pause, or by a clock that was set. Only tries from now on count. */
  #countAnew() {
    this.#failed = 0;
    this.#countFromMs = this.#deps.stopwatch.read();
    this.hurry();
  }
  /** Until what is due next. What became due after `wokeAtMs` is still to do. */
  #sleep(wokeAtMs) {
    const nowMs = this.#deps.stopwatch.read();
    const graceMs = this.#deps.grace.leftMs();
    const dueAtMs = [
      this.#isPending ? 0 : this.#nextAtMs,
      this.#lease?.endsAtMs ?? 0,
      graceMs && nowMs + graceMs,
      nowMs + LONGEST_TIMER_MS
    ].filter((atMs) => atMs > wokeAtMs);
    const delayMs = Math.max(Math.min(...dueAtMs) - nowMs, LEAST_TIMER_MS);
    const wakeAtMs = nowMs + delayMs;
    const state = this.#seat.stateNow();
    this.#cancel = this.#deps.platform.clock.after(
      delayMs,
      () => this.#wake(this.#deps.stopwatch.read() - wakeAtMs, state)
    );
  }
  async #try() {
    this.#isPending = true;
    const sentAtMs = this.#deps.stopwatch.read();
    const timeoutMs = this.#heldLease()?.timeoutMs ?? LONGEST_TIMEOUT_MS;
    this.#plan(sentAtMs + timeoutMs);
    const error = await this.#seat.send(timeoutMs);
    if (this.#isStopped) return;
    this.#isPending = false;
    const isCurrent = !this.#lease || this.#lease.sentAtMs <= sentAtMs;
    if (error && isCurrent) this.#failedTry(sentAtMs, error);
    else this.#plan(this.#nextAtMs);
    this.#wake();
  }
  #failedTry(sentAtMs, error) {
    const step = stepAfter(error, true);
    const backoff = isRetry(step) ? step : "outage";
    const { retryAfterSeconds } = error;
    if (sentAtMs >= this.#countFromMs) this.#failed += 1;
    const nowMs = this.#deps.stopwatch.read();
    const n = this.#backoff?.name === backoff ? this.#backoff.n + 1 : 0;
    this.#backoff = { name: backoff, n };
    let nextAtMs = nowMs + pauseMs(backoff, n, retryAfterSeconds);
    const lease = this.#heldLease();
    if (!this.hasFailed()) {
      const { least, most } = SURE_PAUSE_MS;
      const soonMs = (lease?.endsAtMs ?? nowMs) + least + (most - least) * Math.random();
      nextAtMs = lease ? Math.min(
        nextAtMs,
        soonMs,
        Math.max(nowMs + leastMs(backoff, retryAfterSeconds), sentAtMs + lease.pauseMs)
      ) : soonMs;
    }
    const lastAtMs = lease ? lease.endsAtMs - lease.pauseMs : nowMs;
    if (nowMs < lastAtMs) nextAtMs = Math.min(nextAtMs, lastAtMs);
    this.#setNext(nextAtMs);
  }
  #setNext(nextAtMs) {
    this.#nextAtMs = nextAtMs;
    this.#plan(nextAtMs);
  }
  #plan(atMs) {
    this.#understudy?.plan(atMs, this.#seat.borrowedUntil ? void 0 : this.#heldLease());
  }
};

// clients/sdk/src/release-calls.ts
var PATIENCE_MS = 2e3;
var LOAN_PATIENCE_MS = 2e4;
async function releaseSeat({ server, platform: platform4, stopwatch }, body, isLoan = false) {
  const untilMs = stopwatch.read() + (isLoan ? LOAN_PATIENCE_MS : PATIENCE_MS);
  for (let n = 0; ; n += 1) {
    const leftMs = untilMs - stopwatch.read();
    const answer = await server.call("release", {
      body,
      timeoutMs: isLoan ? leftMs / 2 : leftMs,
      background: false,
      read: (_, status) => status === 204 ? true : void 0
    });
    if (!answer.error) return void 0;
    const step = stepAfter(answer.error, false);
    if (!isRetry(step)) return answer.error;
    const afterMs = pauseMs(step, n, answer.error.retryAfterSeconds);
    if (stopwatch.read() + afterMs >= untilMs) return answer.error;
    await sleep(platform4.clock, afterMs);
  }
}

// clients/sdk/src/held-seat.ts
var HeldSeat = class _HeldSeat extends Emitter {
  /** Names this seat to the server, also when it is acquired again. */
  instanceId;
  #deps;
  #heartbeats;
  #understudy;
  #facts;
  /** `undefined` while the seat has no session: until the server grants it, or grants it again. */
  #token;
  /** When the request was sent whose answer had the token. */
  #tokenSentAtMs = 0;
  /** Whether the server has granted it before. */
  #wasHeld = false;
  #end;
  #problem;
  /** The server said that the seat is not ours: only what is left of the lease may be used, until a good answer. */
  #refusal;
  #isReacquired = false;
  /** The state that was last reported to listeners. */
  #reported = "online";
  #releasing;
  #offExit;
  constructor(deps, instanceId, facts) {
    super(SEAT_EVENTS, deps.platform);
    this.#deps = deps;
    this.instanceId = instanceId;
    this.#facts = facts;
    this.#understudy = deps.openUnderstudy?.(deps, this);
    this.#heartbeats = new HeartbeatLoop(deps, this, this.#understudy);
  }
  get sessionId() {
    return this.#facts.sessionId;
  }
  get licenseId() {
    return this.#facts.licenseId;
  }
  get borrowedUntil() {
    return this.#facts.borrowedUntil;
  }
  get offlineUntil() {
    return this.#end ? void 0 : this.#deps.grace.offlineUntil;
  }
  get plan() {
    return this.#entitlements().plan;
  }
  get features() {
    return this.#entitlements().features;
  }
  get limits() {
    return this.#entitlements().limits;
  }
  has(feature) {
    return this.features.includes(feature);
  }
  get state() {
    this.#understudy?.drain();
    return this.stateNow();
  }
  /** Whether it was released, or is lost permanently. */
  hasEnded() {
    return this.#end !== void 0;
  }
  get mayRun() {
    const { state } = this;
    return state === "online" || state === "offline";
  }
  get holdsLease() {
    this.#understudy?.drain();
    return !this.#end && this.#heartbeats.isLeased();
  }
  get problem() {
    const { state } = this;
    return state === "online" || state === "released" ? void 0 : this.#problem;
  }
  /** For JSON, and for `console.log` in Node. */
  toJSON() {
    const shown = {};
    for (const [name, { get }] of Object.entries(Object.getOwnPropertyDescriptors(_HeldSeat.prototype)))
      if (get) shown[name] = get.call(this);
    const { problem } = this;
    if (problem) shown.problem = { code: problem.code, message: problem.message };
    return shown;
  }
  [/* @__PURE__ */ Symbol.for("nodejs.util.inspect.custom")]() {
    return this.toJSON();
  }
  /** Starts, or restarts, with a grant. `sentAtMs`: when its request was sent. */
  hold(grant, sentAtMs) {
    const before = this.session();
    this.#take(grant, sentAtMs);
    if (before && before.session_id !== grant.sessionId) void releaseSeat(this.#deps, before);
    this.#heartbeats.start({ ...grant, sentAtMs });
  }
  /** Starts with a stored loan, whose heartbeat the server has answered. */
  holdLoan(answer, sentAtMs) {
    this.#extend(answer, sentAtMs);
    this.#heartbeats.start({ ...answer, sentAtMs });
  }
  /** Starts with a stored license, while the server does not answer. `problem`: why. */
  holdOffline(problem) {
    this.#releaseAtExit();
    this.#problem = problem;
    this.#reported = "offline";
    this.#heartbeats.start();
  }
  /** The offline grace is not renewed. */
  warn(error) {
    if (!this.#end) this.#emit("graceAtRisk", { seat: this, error, offlineUntil: this.offlineUntil });
  }
  release() {
    this.#releasing ??= this.#release().catch((error) => {
      this.#releasing = void 0;
      throw error;
    });
    return this.#releasing;
  }
  async [Symbol.asyncDispose]() {
    await this.release();
  }
  async #release() {
    const isLost = this.#end === "lost";
    this.#end = "released";
    this.#stop();
    if (isLost) return;
    const { borrowedUntil } = this;
    const hasSession = this.#token !== void 0 || borrowedUntil !== void 0;
    const error = hasSession ? await releaseSeat(this.#deps, this.#session, !!borrowedUntil) : void 0;
    if (hasSession && !error) await this.#deps.grace.released(this.#facts.startDays);
    this.#offExit?.();
    if (error && borrowedUntil) throw error;
  }
  hurry() {
    this.#heartbeats.hurry();
  }
  session() {
    return this.#end === "lost" || this.#token === void 0 ? void 0 : this.#session;
  }
  get #session() {
    return { session_id: this.sessionId, session_token: this.#token };
  }
  #entitlements() {
    this.#understudy?.drain();
    return this.#facts.entitlements;
  }
  stateNow() {
    if (this.#end) return this.#end === "released" ? "released" : "expired";
    if (this.#heartbeats.isLeased()) return this.#heartbeats.hasFailed() ? "offline" : "online";
    return this.#refusal || this.#deps.grace.whyUnusable() ? "expired" : "offline";
  }
  async send(timeoutMs) {
    const { sessionId, borrowedUntil } = this.#facts;
    if (this.#token === void 0 && !borrowedUntil) return this.#acquire(timeoutMs);
    const answer = await this.#deps.server.call("heartbeat", {
      body: this.#session,
      timeoutMs,
      background: true,
      read: (body) => readHeartbeat(body, sessionId)
    });
    if (this.#end || sessionId !== this.sessionId) return void 0;
    const error = this.applyHeartbeat(answer);
    return error && stepAfter(error, true) === "acquire" ? this.#acquire(timeoutMs) : error;
  }
  async #acquire(timeoutMs) {
    const answer = await this.#deps.acquire({ instanceId: this.instanceId, timeoutMs, background: true });
    if (answer.error) return this.#end ? void 0 : this.#failed(answer.error);
    const { body: grant, sentAtMs } = answer;
    if (this.#end) {
      void releaseSeat(this.#deps, { session_id: grant.sessionId, session_token: grant.sessionToken });
      return void 0;
    }
    this.#isReacquired ||= this.#wasHeld;
    this.#take(grant, sentAtMs);
    this.#heartbeats.extend({ ...grant, sentAtMs });
    return void 0;
  }
  /** Returns why it failed. */
  applyHeartbeat(answer) {
    if (answer.error) return this.#failed(answer.error);
    const { body, sentAtMs } = answer;
    this.#isReacquired ||= body.revived;
    this.#extend(body, sentAtMs);
    this.#heartbeats.extend({ ...body, sentAtMs });
    return void 0;
  }
  #extend({ sessionToken, entitlements, serverMs }, sentAtMs) {
    this.#good(sessionToken, sentAtMs);
    if (entitlements) this.#facts = { ...this.#facts, entitlements };
    this.#deps.grace.observe(sentAtMs, serverMs);
  }
  #take(grant, sentAtMs) {
    this.#wasHeld = true;
    this.#facts = grant;
    this.#good(grant.sessionToken, sentAtMs);
    this.#releaseAtExit();
  }
  #good(token, sentAtMs) {
    this.#problem = void 0;
    this.#refusal = void 0;
    if (sentAtMs < this.#tokenSentAtMs) return;
    this.#token = token;
    this.#tokenSentAtMs = sentAtMs;
  }
  #failed(error) {
    this.#problem = error;
    const step = stepAfter(error, true);
    if (step === "stop") {
      this.#lose(error);
      return void 0;
    }
    if (step === "acquire") {
      this.#token = void 0;
      this.#facts = { ...this.#facts, borrowedUntil: void 0 };
    }
    if (isRefusal(error)) this.#refusal = error;
    return error;
  }
  #lose(error) {
    this.#end = "lost";
    this.#stop();
    this.#offExit?.();
    void this.#deps.grace.remove();
    queueMicrotask(() => {
      if (this.#end === "lost") this.#emit("lost", { seat: this, reason: error.code, isFinal: true, error });
    });
  }
  #stop() {
    this.#heartbeats.stop();
    this.#understudy?.stop();
  }
  changed() {
    const { grace } = this.#deps;
    const state = this.stateNow();
    if (state === "online") void grace.signIfDue(this.sessionId, this.#facts);
    void grace.storeTime();
    if (this.#isReacquired) {
      this.#isReacquired = false;
      this.#reported = "expired";
      this.#emit("reacquired", { seat: this });
    }
    if (this.#end || state === this.#reported) return;
    const isSure = this.#refusal || this.#heartbeats.hasFailed() || this.borrowedUntil;
    if (state !== "online" && !isSure) return;
    this.#reported = state;
    if (state === "online" || state === "offline") this.#emit(state, { seat: this });
    else this.#emit("lost", { seat: this, isFinal: false, ...this.#whyExpired() });
  }
  #whyExpired() {
    const clock = this.#deps.grace.whyUnusable();
    const known = this.#refusal ?? (clock?.code === "CLOCK_ROLLED_BACK" ? clock : void 0);
    return { reason: known?.code ?? "expired", error: known ?? this.#problem };
  }
  #emit(name, event) {
    this.emit(name, event);
    this.#deps.emit(name, event);
  }
  #releaseAtExit() {
    this.#offExit?.();
    this.#offExit = this.borrowedUntil ? void 0 : this.#deps.platform.atExit(this.#exit);
  }
  #exit = {
    inTime: () => this.release(),
    afterwards: () => {
      const session = this.session();
      return session && this.#deps.server.requestFor("release", session);
    }
  };
};

// clients/sdk/src/seat-taker.ts
var SeatTaker = class {
  #deps;
  /** The `instance_id` of the next seat. It stays until the seat is granted: a lost answer may have granted it. */
  #instanceId = crypto.randomUUID();
  constructor(deps) {
    this.#deps = deps;
  }
  /** Takes a new seat. Throws `SeatleaseError` if there is none. */
  async take(request) {
    if (request.borrowDays === void 0) {
      const loan = await this.#deps.loans?.resume((stored) => this.#storedSeat(stored));
      if (loan) return loan;
    }
    let answer = await this.#acquire(this.#instanceId, request);
    if (answer.error?.code === "SESSION_ENDED") {
      this.#instanceId = crypto.randomUUID();
      answer = await this.#acquire(this.#instanceId, request);
    }
    return answer.error ? this.#startOffline(answer.error, request) : this.#granted(answer, request);
  }
  /**
   * Acquires the held seat again: to borrow it, or after it expired. Returns false if the seat ended meanwhile. Throws if
   * the server refuses, and leaves the seat as it was.
   */
  async takeAgain(seat, request) {
    const answer = await this.#acquire(seat.instanceId, request);
    if (answer.error) throw answer.error;
    await this.#deps.loans?.keep(answer.body);
    if (seat.hasEnded()) return false;
    seat.hold(answer.body, answer.sentAtMs);
    return true;
  }
  async #granted(answer, { isWanted }) {
    const grant = answer.body;
    const instanceId = this.#nextInstance();
    if (!isWanted()) {
      await releaseSeat(this.#deps, { session_id: grant.sessionId, session_token: grant.sessionToken });
      throw new DOMException();
    }
    const risk = await this.#deps.loans?.keep(grant);
    const seat = new HeldSeat(this.#deps, instanceId, grant);
    seat.hold(grant, answer.sentAtMs);
    if (risk) seat.warn(risk);
    return seat;
  }
  /** Starts with the stored license if there was no answer; never after a refusal. */
  async #startOffline(error, { borrowDays, wasUnanswered }) {
    const { grace } = this.#deps;
    if (!isOutage(error)) {
      if (borrowDays === void 0 && stepAfter(error, true) === "stop") await grace.remove();
      throw error;
    }
    if (!wasUnanswered) throw error;
    const held = await grace.load().catch((why) => {
      throw new SeatleaseError(why.code, why.message, { ...why, cause: error });
    });
    if (!held || borrowDays !== void 0 && !held.isBorrowed) throw error;
    const seat = this.#storedSeat(held);
    grace.startedOffline();
    seat.holdOffline(error);
    return seat;
  }
  #storedSeat({ license, isBorrowed, sessionId }) {
    const { licenseId, offlineUntilMs } = license;
    const borrowedUntil = isBorrowed ? new Date(offlineUntilMs) : void 0;
    const facts = { licenseId, sessionId, borrowedUntil, entitlements: license, graceDays: 0, startDays: 0 };
    return new HeldSeat(this.#deps, this.#nextInstance(), facts);
  }
  /** The name of the seat that is taken now. */
  #nextInstance() {
    const instanceId = this.#instanceId;
    this.#instanceId = crypto.randomUUID();
    return instanceId;
  }
  #acquire(instanceId, { borrowDays, timeoutMs, signal }) {
    return this.#deps.acquire({ instanceId, borrowDays, timeoutMs, signal, background: false });
  }
};

// clients/sdk/src/server.ts
var METHODS = {
  acquire: "POST",
  heartbeat: "PUT",
  release: "POST",
  sign: "POST"
};
var Server = class {
  #url;
  #credentials;
  #platform;
  #stopwatch;
  /** The last one sent, for requests that cannot wait for a new token. */
  #lastAuthorization = "";
  constructor(url, credentials, platform4, stopwatch) {
    this.#url = url;
    this.#credentials = credentials;
    this.#platform = platform4;
    this.#stopwatch = stopwatch;
  }
  async call(operation, options) {
    try {
      const answer = await this.#try(operation, options);
      if (!this.canReplaceToken(answer)) return answer;
      return await this.#try(operation, options, this.#lastAuthorization.slice(7));
    } catch (error) {
      return { error: error instanceof SeatleaseError ? error : noAnswer(error) };
    }
  }
  /** Whether the credentials were refused because the access token is no longer valid. */
  canReplaceToken(answer) {
    return answer.error?.code === "CREDENTIALS_INVALID" && "signIn" in this.#credentials;
  }
  /** Parses an answer that this client or its understudy received. `sentAtMs`: when its request was sent, by the stopwatch. */
  parse(request, response, sentAtMs, read) {
    const requestId = request.headers["x-request-id"];
    const isOurs = (response.header("x-request-id") ?? requestId) === requestId;
    if (response.status >= 200 && response.status < 300) {
      const body = isOurs ? read(response.body, response.status) : void 0;
      if (body !== void 0) return { body, sentAtMs };
    }
    return { error: isOurs && readProblem(response) || unusable(request, response) };
  }
  async #try(operation, { body, timeoutMs, background, signal, read }, refused) {
    const beganAtMs = this.#stopwatch.read();
    this.#lastAuthorization = await this.#authorize(timeoutMs, refused);
    const request = this.requestFor(operation, body);
    const sentAtMs = this.#stopwatch.read();
    const leftMs = Math.max(timeoutMs - (sentAtMs - beganAtMs), LEAST_TIMEOUT_MS);
    const response = await this.#platform.transport.send(request, { timeoutMs: leftMs, background, signal });
    return this.parse(request, response, sentAtMs, read);
  }
  async #authorize(timeoutMs, refused) {
    const credentials = this.#credentials;
    if ("licenseKey" in credentials) return `License ${credentials.licenseKey}`;
    const late = new Error("no token in time");
    const asked = (async () => credentials.signIn.accessToken(refused))();
    const token = await within(this.#platform.clock, timeoutMs, asked, late).catch(
      (cause) => {
        if (cause instanceof SeatleaseError) throw cause;
        throw new NoAnswer(`signIn.accessToken() failed: ${cause}`, { cause });
      }
    );
    if (!isHeaderText(token)) throw new NoAnswer("signIn.accessToken() returned no token.");
    return `Bearer ${token}`;
  }
  /** A request with the credentials of the last call: others send it without waiting for new ones. */
  requestFor(operation, body) {
    const path = `/api/v1/licenses/${operation}`;
    return {
      method: METHODS[operation],
      url: `${this.#url}${path}`,
      headers: {
        accept: "application/json",
        authorization: this.#lastAuthorization,
        "content-type": "application/json",
        "x-request-id": crypto.randomUUID()
      },
      body: JSON.stringify(body)
    };
  }
};
function noAnswer(cause) {
  const message = cause instanceof NoAnswer ? cause.message : "The license server did not answer.";
  return new SeatleaseError("NO_ANSWER", message, { cause });
}
function unusable({ url }, { status }) {
  const message = `${url} answered HTTP ${status}, but not as a license server does.`;
  return new SeatleaseError("NO_ANSWER", message, { status });
}

// clients/sdk/src/client.ts
var TRIES_WITHOUT_WAIT = 4;
var LONGEST_PAUSE_WITHOUT_WAIT_SECONDS = 10;
var CANCEL_AFTER_MS = 1e3;
var Seatlease = class extends Emitter {
  #options;
  #checked;
  #deps;
  #native;
  #opened;
  #seat;
  #pending;
  /** Callers who share a try also share its error: it is reported once. */
  #denied;
  /** Throws OPTION_INVALID for the first option that is wrong. */
  constructor(options, platform4, native) {
    super(["granted", "denied", ...SEAT_EVENTS], platform4);
    this.#checked = checkOptions(options);
    this.#options = options;
    this.#native = native;
    const stopwatch = new Stopwatch(platform4.clock);
    const { base, credentials } = this.#checked;
    this.#deps = { platform: platform4, stopwatch, server: new Server(base, credentials, platform4, stopwatch) };
  }
  /** Returns the held seat, or a new one. Throws `SeatleaseError` if there is none, or the reason of an aborted `signal`. */
  async acquire(options = {}) {
    return this.seatFor(checkAcquireOptions(options));
  }
  /** Acquires with checked options. */
  async seatFor({ waitMs, signal }, borrowDays) {
    const { stopwatch } = this.#deps;
    const sinceMs = stopwatch.read();
    const leftMs = () => (waitMs ?? Number.POSITIVE_INFINITY) - (stopwatch.read() - sinceMs);
    let wasUnanswered = false;
    signal?.throwIfAborted();
    for (let n = 0; ; n += 1) {
      try {
        const timeoutMs = Math.min(Math.max(leftMs(), LEAST_TIMEOUT_MS), LONGEST_TIMEOUT_MS);
        return await this.#current({ borrowDays, wasUnanswered, timeoutMs }, signal);
      } catch (error) {
        if (!(error instanceof SeatleaseError)) throw error;
        const asked = error.cause instanceof SeatleaseError ? error.cause : error;
        const step = stepAfter(asked, false);
        const { retryAfterSeconds = 0 } = asked;
        wasUnanswered = isOutage(asked);
        const isLast = waitMs === void 0 && (n + 1 >= TRIES_WITHOUT_WAIT || asked !== error || !wasUnanswered || retryAfterSeconds > LONGEST_PAUSE_WITHOUT_WAIT_SECONDS);
        if (isLast || !isRetry(step)) throw this.#deny(error);
        if (leftMs() <= 0) throw this.#deny(waitedInVain(error, stopwatch.read() - sinceMs));
        const afterMs = Math.min(pauseMs(step, n, retryAfterSeconds), leftMs());
        this.#deny(error, afterMs / 1e3);
        await this.#untilGranted(afterMs, signal);
      }
    }
  }
  /** What is stored for a time without the server; `undefined` if nothing is. Sends nothing. Throws if it cannot be verified. */
  async stored() {
    return (await this.#open()).grace.find();
  }
  /** The loans of this machine; `undefined` where seats cannot be borrowed. */
  async loans() {
    return (await this.#open()).loans;
  }
  #deny(error, retryInSeconds) {
    if (this.#denied !== error) this.emit("denied", { error, retryInSeconds });
    this.#denied = error;
    return error;
  }
  async #current(asked, signal) {
    const { borrowDays } = asked;
    for (; ; ) {
      if (this.#seat?.mayRun && borrowDays === void 0) return this.#seat;
      const pending = this.#pending ?? this.#startTry(asked);
      if (pending.borrowDays === borrowDays) return this.#wait(pending, signal);
      await orAborted(
        pending.seat.catch(() => void 0),
        signal
      );
    }
  }
  #startTry(asked) {
    const canceled = new AbortController();
    const request = { ...asked, signal: canceled.signal, isWanted: () => pending.waiting > 0 };
    const pending = {
      borrowDays: asked.borrowDays,
      canceled,
      waiting: 0,
      seat: this.#take(request).finally(() => {
        this.#pending = void 0;
      })
    };
    this.#pending = pending;
    return pending;
  }
  async #wait(pending, signal) {
    pending.waiting += 1;
    try {
      return await orAborted(pending.seat, signal);
    } finally {
      pending.waiting -= 1;
      if (signal?.aborted)
        this.#deps.platform.clock.after(CANCEL_AFTER_MS, () => {
          if (pending.waiting === 0) pending.canceled.abort();
        });
    }
  }
  async #take(request) {
    const { seatTaker } = await this.#open();
    const held = this.#seat;
    const isAgain = held && !held.hasEnded() && await seatTaker.takeAgain(held, request);
    const seat = isAgain ? held : await seatTaker.take(request);
    this.#seat = seat;
    if (!isAgain) this.emit("granted", { seat });
    return seat;
  }
  /** At the first use, because it needs the machine's fingerprint. */
  #open() {
    this.#opened ??= this.#openNow().catch((error) => {
      this.#opened = void 0;
      throw error;
    });
    return this.#opened;
  }
  async #openNow() {
    const deps = this.#deps;
    const { platform: platform4 } = deps;
    const { licenseKey, licenseId, publicKeys } = this.#options;
    const keys = publicKeys === void 0 ? void 0 : await importKeys(publicKeys);
    const identity = await identify(this.#options, platform4);
    const secret = JSON.stringify([licenseKey ?? identity.name, identity.fingerprint]);
    const store = new Store(platform4.storage, identity.name, secret);
    const graceDeps = {
      ...deps,
      store,
      keys,
      expected: { fingerprint: identity.fingerprint, licenseId, isLocal: this.#checked.isLocal },
      atRisk: (error) => this.#seat?.warn(error)
    };
    const grace = this.#native?.openGrace(graceDeps, this.#checked.base) ?? new Grace(graceDeps);
    const loans = this.#native?.openLoans({ ...deps, grace, store, held: () => this.#seat });
    const seatTaker = new SeatTaker({
      ...deps,
      ...this.#native,
      loans,
      acquire: acquireCalls({ ...deps, options: this.#options, fingerprint: identity.fingerprint, grace }),
      grace,
      // `SeatEvents` is a part of `SeatleaseEvents`; TypeScript cannot derive that from the generic name.
      emit: (name, event) => this.emit(name, event)
    });
    return { seatTaker, grace, loans };
  }
  async #untilGranted(atMostMs, signal) {
    const wake = new AbortController();
    const off = this.on("granted", () => wake.abort());
    try {
      await orAborted(sleep(this.#deps.platform.clock, atMostMs, wake.signal), signal);
    } finally {
      off();
      wake.abort();
    }
  }
};
function waitedInVain(error, waitedMs) {
  const message = `There was no seat within ${Math.round(waitedMs / 1e3)} s. ${error.message}`;
  return new SeatleaseError("WAITED_IN_VAIN", message, { ...error, cause: error });
}

// clients/sdk/src/loans.ts
var LOAN_TIMEOUT_MS = 5e3;
var Loans = class {
  #deps;
  constructor(deps) {
    this.#deps = deps;
  }
  /** The stored loan, which the server need not know any more. Needs no keys. Throws if its file was changed. */
  async #stored() {
    const stored = await this.#deps.store.read();
    return stored?.license.isBorrowed ? stored.license : void 0;
  }
  /**
   * Starts with the loan, if one is stored and has not ended. The server decides: its answer counts also where the clock is
   * wrong, or the folder cannot be written.
   */
  async resume(seatOf) {
    const { grace, server } = this.#deps;
    const found = await grace.find().catch(() => void 0);
    if (!found?.isBorrowed) return void 0;
    const { sessionId } = found;
    const answer = await server.call("heartbeat", {
      body: { session_id: sessionId },
      timeoutMs: LOAN_TIMEOUT_MS,
      background: false,
      read: (body) => readHeartbeat(body, sessionId)
    });
    if (answer.error && !isRetry(stepAfter(answer.error, true))) {
      await grace.loanEnded();
      return void 0;
    }
    if (answer.error) {
      const held = await grace.load().catch(() => void 0);
      const offline = held && seatOf(held);
      offline?.holdOffline(answer.error);
      return offline;
    }
    const seat = seatOf(found);
    const isWritable = grace.use(found);
    seat.holdLoan(answer.body, answer.sentAtMs);
    await isWritable;
    return seat;
  }
  /**
   * A borrowed seat is used offline, and returned by its stored session: its license is signed and stored before the seat is
   * returned to the caller. If that fails, the loan is released again and the reason is thrown; if the machine had it before, the
   * reason is returned.
   */
  async keep(grant) {
    if (!grant.borrowedUntil) return void 0;
    const { grace, platform: platform4 } = this.#deps;
    const { sessionId, sessionToken } = grant;
    let error = await grace.signIfDue(sessionId, grant, false);
    if (error && isOutage(error)) {
      await sleep(platform4.clock, pauseMs("outage", 0));
      error = await grace.signIfDue(sessionId, grant, false);
    }
    const stored = await this.#stored().catch(() => void 0);
    if (!error || stored?.sessionId === sessionId) return error;
    await releaseSeat(this.#deps, { session_id: sessionId, session_token: sessionToken }, true);
    await grace.loanEnded();
    throw error;
  }
  /** Releases the loan, and returns what names its seat. Throws if the server has not confirmed it. */
  async release() {
    const held = this.#deps.held();
    if (held?.borrowedUntil && !held.hasEnded()) {
      await held.release();
      return held;
    }
    const loan = await this.#stored();
    if (!loan) return void 0;
    const error = await releaseSeat(this.#deps, { session_id: loan.sessionId }, true);
    if (error) throw error;
    await this.#deps.grace.loanEnded();
    return loan;
  }
};

// clients/sdk/src/offline/revocations.ts
var HOUR_MS = 36e5;
var TRY_AGAIN_AFTER_MS2 = 10 * 6e4;
var PATH = "/.well-known/license-revocations.json";
var MOST_TOKENS = 64;
var Revocations = class {
  #deps;
  #base;
  #remembered;
  constructor(deps, base) {
    this.#deps = deps;
    this.#base = base;
  }
  /** Throws OFFLINE_LICENSE_INVALID if the license in that payload of a token, which `key` has signed, is revoked. */
  async check(key, payload) {
    const { keys, licenses } = await this.#read();
    const { jti, license } = fieldsIn(payload);
    const issuedAtMs = Date.parse(Object(license).issued_at);
    const signer = await thumbprintOf(key);
    const isRevoked = ({ thumbprint, since }) => thumbprint === signer && !(since !== null && issuedAtMs < Date.parse(since));
    if (keys.some(isRevoked) || licenses.some((revoked) => revoked.jti === jti))
      throw invalid("The vendor has revoked it.");
  }
  /** Fetches the list. Returns whether it has changed; throws if there is no answer with a list. */
  async fetch() {
    const { transport } = this.#deps.platform;
    const request = { method: "GET", url: `${this.#base}${PATH}`, headers: { accept: "application/json" } };
    const { status, body } = await transport.send(request, {
      timeoutMs: LONGEST_TIMEOUT_MS,
      background: true
    });
    const { tokens } = fieldsOf(body);
    if (status !== 200 || !Array.isArray(tokens)) throw new Error("no list");
    const before = await this.#read();
    let next = before;
    for (const token of tokens.slice(0, MOST_TOKENS)) next = await this.#join(next, String(token));
    if (JSON.stringify(next) === JSON.stringify(before)) return false;
    this.#remembered = Promise.resolve(next);
    await this.#deps.platform.storage.write(this.#name, JSON.stringify(next)).catch(() => void 0);
    return true;
  }
  async #join(known, token) {
    const [head = "", payload = "", signature = ""] = token.split(".");
    const { alg, typ } = fieldsIn(head);
    const key = await signerOf(this.#deps.keys ?? [], `${head}.${payload}`, signature);
    const list = readList(fieldsIn(payload));
    if (!key || !list || alg !== "RS256" || typ !== "license-revocations+jwt") return known;
    const signer = await thumbprintOf(key);
    const isBySigner = ({ thumbprint }) => thumbprint === signer;
    const own = list.keys.filter(isBySigner);
    if (own.length > 0) {
      const others = known.keys.filter((each) => !own.some((one) => isSame(one, each)));
      return { ...known, keys: [...others, ...own] };
    }
    const isOld = list.sequence < (known.sequences[signer] ?? 0);
    if (isOld || known.keys.some(isBySigner)) return known;
    const { sequence, keys, licenses } = list;
    return { keys, licenses, sequences: { ...known.sequences, [signer]: sequence } };
  }
  #read() {
    this.#remembered ??= this.#deps.platform.storage.read(this.#name).then(
      (text2) => {
        const { sequences, ...list } = fieldsOf(text2 ?? "");
        return { sequences: Object(sequences), ...readList({ sequence: 0, ...list }) ?? NOTHING2 };
      },
      () => ({ sequences: {}, ...NOTHING2 })
    );
    return this.#remembered;
  }
  get #name() {
    return `revocations ${this.#base}`;
  }
};
var RevocableGrace = class extends Grace {
  #deps;
  #revocations;
  /** What was verified, by its payload. */
  #verified;
  #nextFetchAtMs = 0;
  #forgotten = 0;
  constructor(deps, base) {
    const revocations = new Revocations(deps, base);
    const verified = /* @__PURE__ */ new Map();
    const check2 = async (key, payload) => {
      await revocations.check(key, payload);
      verified.set(payload, key);
    };
    super({ ...deps, expected: { ...deps.expected, check: check2 } });
    this.#deps = deps;
    this.#revocations = revocations;
    this.#verified = verified;
  }
  signIfDue(sessionId, terms, background) {
    const signed = super.signIfDue(sessionId, terms, background);
    if (this.#deps.keys && this.#deps.stopwatch.read() >= this.#nextFetchAtMs)
      void this.#refresh(sessionId, terms).catch(() => void 0);
    return signed;
  }
  forget() {
    this.#forgotten += 1;
    this.#verified.clear();
    super.forget();
  }
  /** If the license in use is revoked, it is no longer used, and another one is signed at once. The seat stays. */
  async #refresh(sessionId, terms) {
    const { stopwatch } = this.#deps;
    const forgotten = this.#forgotten;
    this.#nextFetchAtMs = stopwatch.read() + TRY_AGAIN_AFTER_MS2;
    const isChanged = await this.#revocations.fetch();
    this.#nextFetchAtMs = stopwatch.read() + HOUR_MS * (1 - 0.1 * Math.random());
    const revoked = isChanged && await this.#whyRevoked();
    if (!revoked || forgotten !== this.#forgotten) return;
    this.forget();
    if (await super.signIfDue(sessionId, terms)) this.#deps.atRisk(revoked);
  }
  async #whyRevoked() {
    for (const [payload, key] of this.#verified) {
      const revoked = await this.#revocations.check(key, payload).catch((error) => error);
      if (revoked) return revoked;
    }
    return void 0;
  }
};
var NOTHING2 = { keys: [], licenses: [] };
function isSame(one, other) {
  return one.thumbprint === other.thumbprint && one.since === other.since;
}
function readList({ sequence, keys, licenses }) {
  if (!Number.isSafeInteger(sequence) || !Array.isArray(keys) || !Array.isArray(licenses)) return void 0;
  return {
    sequence: Number(sequence),
    keys: keys.map((key) => {
      const { thumbprint, since } = Object(key);
      return { thumbprint: String(thumbprint), since: since == null ? null : String(since) };
    }),
    licenses: licenses.map((license) => ({ jti: String(Object(license).jti) }))
  };
}
async function thumbprintOf(key) {
  const { e, n } = await crypto.subtle.exportKey("jwk", key);
  const hash = await crypto.subtle.digest("SHA-256", utf8(JSON.stringify({ e, kty: "RSA", n })));
  return Buffer.from(hash).toString("base64url");
}

// clients/sdk/src/seat-understudy.ts
var LEAST_RETRY_MS = 1e3;
var SeatUnderstudy = class {
  #deps;
  #seat;
  #understudy;
  constructor(deps, seat) {
    this.#deps = deps;
    this.#seat = seat;
  }
  /** The understudy sends only if the event loop is blocked for one pause after `atMs`; nothing without a lease. */
  plan(atMs, lease) {
    const { server, platform: platform4, stopwatch } = this.#deps;
    const session = this.#seat.session();
    if (!lease || !session) {
      this.#understudy?.cancel();
      return;
    }
    this.#understudy ??= platform4.understudy?.();
    this.#understudy?.plan(server.requestFor("heartbeat", session), {
      inMs: atMs - stopwatch.read() + lease.pauseMs,
      everyMs: lease.heartbeatMs,
      retryMs: Math.max(lease.pauseMs, LEAST_RETRY_MS),
      timeoutMs: lease.timeoutMs
    });
  }
  /** Applies the answers in the order of sending. */
  drain() {
    for (const answer of this.#understudy?.drain() ?? []) this.#apply(answer);
  }
  stop() {
    this.#understudy?.cancel();
    this.#understudy?.stop();
    this.#understudy = void 0;
  }
  #apply({ request, sentAt, response }) {
    const { server, stopwatch, platform: platform4 } = this.#deps;
    const sessionId = this.#seat.session()?.session_id;
    if (sessionId === void 0 || !request.body?.includes(sessionId)) return;
    const now = platform4.clock.now();
    const agoMs = Math.max(now.monotonicMs - sentAt.monotonicMs, now.wallMs - sentAt.wallMs, 0);
    const sentAtMs = stopwatch.read() - agoMs;
    const answer = server.parse(request, response, sentAtMs, (body) => readHeartbeat(body, sessionId));
    if (answer.error) {
      this.#seat.hurry();
      if (answer.error.code === "NO_ANSWER" || server.canReplaceToken(answer)) return;
    }
    this.#seat.applyHeartbeat(answer);
  }
};

// clients/sdk/src/native.ts
var borrowDaysRule = (value) => !(Number.isSafeInteger(value) && Number(value) > 0) && "must be a whole number above 0.";
var NativeSeatlease = class extends Seatlease {
  #canBorrow;
  constructor(options, platform4) {
    super(options, platform4, {
      openGrace: (deps, base) => new RevocableGrace(deps, base),
      openLoans: (deps) => new Loans(deps),
      openUnderstudy: (deps, seat) => new SeatUnderstudy(deps, seat)
    });
    this.#canBorrow = options.publicKeys !== void 0;
  }
  async acquire(options = {}) {
    const checked = checkAcquireOptions(options, { borrowDays: borrowDaysRule });
    const { borrowDays } = options;
    if (borrowDays !== void 0 && !this.#canBorrow) throw publicKeysRequired();
    return this.seatFor(checked, borrowDays);
  }
  /**
   * Returns the seat that was borrowed on this machine, also if it cannot be used: the clock is wrong, or `publicKeys` are
   * missing. Takes no seat. The result names the seat; `undefined` if none was borrowed. Throws `SeatleaseError` if the server
   * has not confirmed it: the seat stays taken.
   */
  async returnLoan() {
    return (await this.loans())?.release();
  }
};
function publicKeysRequired() {
  return new SeatleaseError(
    "PUBLIC_KEYS_REQUIRED",
    "publicKeys is required to borrow a seat: it is used offline.",
    { members: { option: "publicKeys" } }
  );
}

// clients/sdk/src/node.ts
var usual;
function usualPlatform() {
  usual ??= nodePlatform();
  return usual;
}
var Seatlease2 = class extends NativeSeatlease {
  constructor(options = {}) {
    const { platform: platform4, ...given } = options;
    try {
      super(withDefaults(given), platform4 ?? usualPlatform());
    } catch (error) {
      throw namingVariable(error, given, process.env);
    }
  }
  async acquire(options = {}) {
    const wait = options?.wait === void 0 ? waitOf(process.env) : void 0;
    return super.acquire(wait === void 0 ? options : { ...options, wait });
  }
};
function withDefaults(given) {
  const { licenseKey, ...defaults } = optionsOf(process.env);
  const areChosen = given.url !== void 0 || given.publicKeys !== void 0;
  const publicKeys = areChosen ? void 0 : publicKeysOf(process.env);
  return {
    ...defaults,
    ...given.signIn === void 0 && licenseKey !== void 0 && { licenseKey },
    ...publicKeys !== void 0 && { publicKeys },
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== void 0))
  };
}

// clients/action/src/mailbox.ts
import { existsSync, mkdtempSync, readFileSync as readFileSync2, renameSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join as join4 } from "node:path";
import { setTimeout as sleep2 } from "node:timers/promises";
var POLL_MS = 100;
var Mailbox = class _Mailbox {
  folder;
  constructor(folder) {
    this.folder = folder;
  }
  static create() {
    return new _Mailbox(mkdtempSync(join4(process.env.RUNNER_TEMP || tmpdir(), "seatlease-")));
  }
  get logFile() {
    return join4(this.folder, "hold.log");
  }
  log() {
    return readText(this.logFile) ?? "";
  }
  report(report) {
    const draft = join4(this.folder, "report.draft");
    try {
      writeFileSync(draft, JSON.stringify(report));
      renameSync(draft, this.#reportFile);
    } catch {
    }
  }
  read() {
    const text2 = readText(this.#reportFile);
    return text2 === void 0 ? void 0 : JSON.parse(text2);
  }
  askForRelease() {
    writeFileSync(this.#releaseFile, "");
  }
  /** Also if the folder is gone: the runner has cleaned up, and the job is over. */
  get isReleaseWanted() {
    return existsSync(this.#releaseFile) || !existsSync(this.folder);
  }
  /** Resolves with the first report that `isEnough`, or `undefined` when the process is gone or time is up. */
  async until(isEnough, isAlive2, atMostMs) {
    for (const untilMs = performance.now() + atMostMs; ; await sleep2(POLL_MS)) {
      const wasAlive = isAlive2();
      const report = this.read();
      if (report && isEnough(report)) return report;
      if (!wasAlive || performance.now() >= untilMs) return void 0;
    }
  }
  get #reportFile() {
    return join4(this.folder, "report.json");
  }
  get #releaseFile() {
    return join4(this.folder, "release");
  }
};
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}
function readText(file) {
  try {
    return readFileSync2(file, "utf8");
  } catch {
    return void 0;
  }
}

// clients/action/src/hold.ts
var WATCH_MS = 250;
async function hold(mailbox, request, licenseKey) {
  const notes = [];
  let report = { phase: "waiting", pid: process.pid, notes };
  const tell = (news) => {
    report = { ...report, ...news };
    mailbox.report(report);
  };
  tell({});
  const stop = new AbortController();
  const watch = setInterval(() => {
    const isOver = request.runnerPid !== void 0 && !isAlive(request.runnerPid);
    if (isOver || mailbox.isReleaseWanted) stop.abort();
  }, WATCH_MS);
  stop.signal.addEventListener("abort", () => clearInterval(watch));
  try {
    const seat = await acquire(mailbox, request, licenseKey, stop.signal, (note) => {
      notes.push(note);
      tell({});
    });
    tell({ phase: "held", sessionId: seat.sessionId });
    await aborted(stop.signal);
    await seat.release();
  } catch (error) {
    clearInterval(watch);
    if (!stop.signal.aborted) return tell({ phase: "denied", message: describe(error) });
  }
  process.once("beforeExit", () => tell({ phase: "ended" }));
}
async function acquire(mailbox, { options, wait }, licenseKey, signal, note) {
  const platform4 = nodePlatform({ stateFolder: join5(mailbox.folder, "state") });
  const seatlease = new Seatlease2({ ...options, licenseKey, platform: platform4 });
  const hear = (event, more) => note({ event, at: (/* @__PURE__ */ new Date()).toISOString(), ...more });
  seatlease.on("offline", () => hear("offline"));
  seatlease.on("online", () => hear("online"));
  seatlease.on("reacquired", () => hear("reacquired"));
  seatlease.on("graceAtRisk", ({ error: { code } }) => hear("graceAtRisk", { code }));
  seatlease.on("lost", ({ reason: code, isFinal }) => hear("lost", { code, isFinal }));
  return seatlease.acquire({ wait, signal });
}
function aborted(signal) {
  return new Promise((resolve2) => {
    if (signal.aborted) resolve2();
    signal.addEventListener("abort", () => resolve2(), { once: true });
  });
}
function describe(error) {
  if (error instanceof SeatleaseError) return `${error.code}: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}

// clients/action/src/runner.ts
import { randomUUID as randomUUID4 } from "node:crypto";
import { appendFileSync } from "node:fs";
function input(name) {
  return (process.env[`INPUT_${name.toUpperCase()}`] ?? "").trim();
}
function saveState(name, value) {
  append("GITHUB_STATE", name, value);
}
function setOutput(name, value) {
  append("GITHUB_OUTPUT", name, value);
}
function setVariable(name, value) {
  append("GITHUB_ENV", name, value);
}
function print(text2) {
  process.stdout.write(`${text2}
`);
}
function command(name, text2) {
  print(`::${name}::${text2.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A")}`);
}
function append(file, name, value) {
  const path = process.env[file];
  const delimiter = randomUUID4();
  if (path) appendFileSync(path, `${name}<<${delimiter}
${value}
${delimiter}
`);
}

// clients/action/src/take.ts
import { spawn as spawn2 } from "node:child_process";
import { createHmac as createHmac2 } from "node:crypto";
import { openSync } from "node:fs";
import { hostname as hostname2 } from "node:os";
var HOLD = "SEATLEASE_ACTION_HOLD";
var REQUEST = "SEATLEASE_ACTION_REQUEST";
var LICENSE_KEY = "SEATLEASE_ACTION_LICENSE_KEY";
var CANCEL_WITHIN_MS = 6e3;
async function take(script) {
  const licenseKey = input("license-key");
  for (const line of licenseKey.split("\n")) if (line) command("add-mask", line);
  const request = readRequest();
  if (!licenseKey) throw new Error("The input license-key is empty. Set it from a secret.");
  const mailbox = Mailbox.create();
  saveState("folder", mailbox.folder);
  const log = openSync(mailbox.logFile, "a");
  const child = spawn2(process.execPath, [script], {
    detached: true,
    stdio: ["ignore", log, log],
    env: {
      ...process.env,
      [HOLD]: mailbox.folder,
      [REQUEST]: JSON.stringify(request),
      [LICENSE_KEY]: licenseKey
    }
  });
  child.unref();
  let hasEnded = false;
  child.on("exit", () => {
    hasEnded = true;
  });
  let isCanceled = false;
  const cancel = () => {
    isCanceled = true;
    mailbox.askForRelease();
    setTimeout(() => process.exit(1), CANCEL_WITHIN_MS).unref();
  };
  process.on("SIGINT", cancel).on("SIGTERM", cancel);
  if (typeof request.wait !== "object" || request.wait.atMostSeconds > 0) print("Waiting for a seat.");
  const report = await mailbox.until(
    ({ phase }) => phase === "denied" || phase === "ended" || phase === "held" && !isCanceled,
    () => !hasEnded,
    Number.POSITIVE_INFINITY
  );
  if (isCanceled) throw new Error("The step was canceled.");
  if (report?.phase === "denied") throw new Error(`No seat: ${report.message}`);
  if (report?.phase !== "held") throw new Error(`The seat cannot be held. ${mailbox.log()}`);
  print(`Got a seat: session ${report.sessionId}.`);
  setOutput("session-id", report.sessionId ?? "");
  setVariable("SEATLEASE_FINGERPRINT", request.options.fingerprint ?? "");
}
function readRequest() {
  const url = input("url");
  if (!url) throw new Error("The input url is empty.");
  return {
    options: {
      url,
      fingerprint: input("fingerprint") || jobFingerprint(),
      userId: input("user-id") || void 0,
      publicKeys: readKeys(input("public-keys")),
      hostname: `${process.env.RUNNER_NAME || hostname2()}`,
      appVersion: process.env.GITHUB_WORKFLOW_REF?.slice(0, 64)
    },
    wait: readWait(input("wait")),
    // In a job container the parent is outside, and its id 0.
    runnerPid: process.ppid > 1 ? process.ppid : void 0
  };
}
function jobFingerprint() {
  const names = [
    "GITHUB_SERVER_URL",
    "GITHUB_REPOSITORY",
    "GITHUB_RUN_ID",
    "GITHUB_RUN_ATTEMPT",
    "GITHUB_JOB",
    "RUNNER_NAME"
  ];
  const job = JSON.stringify(names.map((name) => process.env[name] ?? ""));
  return createHmac2("sha256", job).update("seatlease fingerprint").digest("base64url");
}
function readWait(text2) {
  if (text2 === "true") return true;
  if (text2 === "" || text2 === "false" || Number(text2) === 0) return false;
  if (!/^\d{1,6}$/.test(text2))
    throw new Error(`The input wait must be seconds, or true. It is ${JSON.stringify(text2)}.`);
  return { atMostSeconds: Number(text2) };
}
function readKeys(text2) {
  if (!text2.startsWith("{")) return text2 || void 0;
  try {
    return JSON.parse(text2);
  } catch {
    throw new Error("The input public-keys is neither a JSON Web Key Set nor PEMs.");
  }
}

// clients/action/src/main.ts
async function run() {
  const { [HOLD]: folder, [REQUEST]: request, [LICENSE_KEY]: licenseKey } = process.env;
  if (folder && request && licenseKey)
    return hold(new Mailbox(folder), JSON.parse(request), licenseKey);
  return take(fileURLToPath(import.meta.url));
}
run().catch((error) => {
  command("error", error instanceof Error ? error.message : String(error));
  process.exit(1);
});
