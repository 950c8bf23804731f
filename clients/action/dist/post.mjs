// Generated from clients/action/src and clients/sdk by `npm run generate`.

// clients/action/src/mailbox.ts
import { existsSync, mkdtempSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
var POLL_MS = 100;
var Mailbox = class _Mailbox {
  folder;
  constructor(folder) {
    this.folder = folder;
  }
  static create() {
    return new _Mailbox(mkdtempSync(join(process.env.RUNNER_TEMP || tmpdir(), "seatlease-")));
  }
  get logFile() {
    return join(this.folder, "hold.log");
  }
  log() {
    return readText(this.logFile) ?? "";
  }
  report(report) {
    const draft = join(this.folder, "report.draft");
    try {
      writeFileSync(draft, JSON.stringify(report));
      renameSync(draft, this.#reportFile);
    } catch {
    }
  }
  read() {
    const text = readText(this.#reportFile);
    return text === void 0 ? void 0 : JSON.parse(text);
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
    for (const untilMs = performance.now() + atMostMs; ; await sleep(POLL_MS)) {
      const wasAlive = isAlive2();
      const report = this.read();
      if (report && isEnough(report)) return report;
      if (!wasAlive || performance.now() >= untilMs) return void 0;
    }
  }
  get #reportFile() {
    return join(this.folder, "report.json");
  }
  get #releaseFile() {
    return join(this.folder, "release");
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
    return readFileSync(file, "utf8");
  } catch {
    return void 0;
  }
}

// clients/action/src/runner.ts
function savedState(name) {
  return process.env[`STATE_${name}`] ?? "";
}
function print(text) {
  process.stdout.write(`${text}
`);
}
function command(name, text) {
  print(`::${name}::${text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A")}`);
}

// clients/action/src/post.ts
var RELEASE_WITHIN_MS = 1e4;
async function post() {
  const folder = savedState("folder");
  if (!folder) return;
  const mailbox = new Mailbox(folder);
  const before = mailbox.read();
  if (!before || before.phase === "denied") return;
  mailbox.askForRelease();
  const ended = await mailbox.until(
    ({ phase }) => phase === "ended",
    () => isAlive(before.pid),
    RELEASE_WITHIN_MS
  );
  const { notes } = ended ?? mailbox.read() ?? before;
  for (const note of notes) tell(note);
  if (notes.some(({ isFinal }) => isFinal)) return;
  if (ended) print("The seat is released.");
  else
    command(
      "warning",
      "The process that held the seat has ended before the job. The seat is free when its lease ends."
    );
}
function tell({ event, at, code, isFinal }) {
  if (event === "lost") {
    const rest = isFinal ? " for good. The rest of the job ran without it" : "";
    command("warning", `${at} The seat was lost (${code})${rest}.`);
  } else if (event === "graceAtRisk") print(`${at} The offline grace cannot be renewed (${code}).`);
  else print(`${at} The seat ${event === "reacquired" ? "was taken again" : `was ${event}`}.`);
}
post().catch((error) => command("warning", error instanceof Error ? error.message : String(error)));
