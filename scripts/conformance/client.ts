import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { clockFrom, FAKETIME } from '../simulation/faketime.ts';
import { type Fields, fieldsOf } from './network.ts';

/** What a client said of its seat. It was true at some moment between `askedMs` and `atMs`, by our clock. */
export interface Sample {
  readonly askedMs: number;
  readonly atMs: number;
  readonly state: string;
  readonly mayRun: boolean;
  /** `undefined` if the client cannot say: a command that runs a program. */
  readonly holdsLease: boolean | undefined;
  readonly reply: Fields;
}

export interface ClientEvent {
  readonly atMs: number;
  readonly event: string;
  readonly code: string | undefined;
}

export interface Reply {
  readonly ok: boolean;
  readonly code: string | undefined;
  readonly askedMs: number;
  readonly atMs: number;
}

export interface Exit {
  readonly atMs: number;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export type Kind = 'agent' | 'run';

export interface ClientOptions {
  readonly name: string;
  readonly kind: Kind;
  readonly command: string;
  readonly env: Readonly<Record<string, string>>;
  /** A new folder, for this program's files. */
  readonly folder: string;
  /** Lets the kit move the program's clocks: `both`, or only the `wall` clock. Needs libfaketime. */
  readonly clock?: 'both' | 'wall' | undefined;
  /** Seconds that the clock is beyond the right time from the start. */
  readonly clockSeconds?: number | undefined;
  /** How long it waits for a seat; `undefined`: not at all. */
  readonly waitSeconds?: number | undefined;
}

/** A command has no answer to this, and says so. */
export const NOT_SUPPORTED = 'NOT_SUPPORTED';

const SAMPLE_EVERY_MS = 200;
/** A started program may need so long on a busy machine. */
const REPLY_WITHIN_MS = 20_000;
const SHOWN_CHARACTERS = 300;
const START_WITHIN_MS = 5_000;
const PROBE = fileURLToPath(new URL('./probe.cjs', import.meta.url));

/** The client said nothing in time, ended, or said something that is not in the agent protocol. */
export class ClientFault extends Error {
  override readonly name = 'ClientFault';
}

/** A client program under test. */
export abstract class Client {
  readonly name: string;
  readonly samples: Sample[] = [];
  readonly events: ClientEvent[] = [];
  /** What the kit asked and did, in words. */
  readonly steps: { readonly atMs: number; readonly what: string }[] = [];
  readonly exited: Promise<Exit>;
  exit: Exit | undefined;
  errors = '';
  output = '';
  protected readonly child: ChildProcess;
  /** By a signal of the kit. */
  protected isToldToEnd = false;
  readonly #folder: string;
  #sampling: Promise<void> | undefined;
  #wantsSamples = false;

  constructor(options: ClientOptions, command: string) {
    this.name = options.name;
    this.#folder = options.folder;
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^SEATLEASE_/.test(name)));
    this.child = spawn('/bin/sh', ['-c', `exec ${command}`], {
      env: { ...env, ...options.env, ...this.#clockOf(options) },
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    });
    this.child.stdin?.on('error', () => {});
    this.child.stderr?.on('data', (data) => {
      this.errors += String(data);
      this.note(`logs: ${String(data).trim().slice(0, SHOWN_CHARACTERS)}`);
    });
    this.exited = new Promise((done) => {
      const end = (code: number | null, signal: NodeJS.Signals | null): void => {
        this.exit ??= { atMs: Date.now(), code, signal };
        this.onExit();
        done(this.exit);
      };
      this.child.on('error', () => end(127, null));
      this.child.on('exit', end);
    });
  }

  /** Resolves once the program is up: it can ask for a seat, or has asked. */
  abstract started(hasAsked: () => boolean): Promise<void>;
  /** Called once the program has ended. */
  protected onExit(): void {}
  protected abstract look(): Promise<Sample>;
  abstract acquire(borrowDays?: number): Promise<Reply>;
  abstract release(): Promise<Reply>;
  abstract block(seconds: number): Promise<Reply>;
  /** Ends the program in the normal way, without a release of its own. */
  abstract leave(): Promise<Exit>;

  note(what: string): void {
    this.steps.push({ atMs: Date.now(), what });
  }

  /** Asks now. */
  async state(): Promise<Sample> {
    const sample = await this.look();
    this.samples.push(sample);
    return sample;
  }

  /** Looks at the client all the time. */
  startSampling(): void {
    this.#wantsSamples = true;
    this.#sampling ??= this.#sample();
  }

  async stopSampling(): Promise<void> {
    this.#wantsSamples = false;
    await this.#sampling;
  }

  async #sample(): Promise<void> {
    while (this.#wantsSamples && !this.exit) {
      await this.state().catch(() => {});
      await sleep(SAMPLE_EVERY_MS);
    }
    this.#sampling = undefined;
  }

  /** Stops the whole program, as a closed lid does, and continues it. */
  async suspend(seconds: number): Promise<void> {
    await this.stopSampling();
    this.note(`is stopped for ${seconds} s`);
    this.signal('SIGSTOP');
    await sleep(seconds * 1000);
    this.signal('SIGCONT');
    this.note('continues');
    this.startSampling();
  }

  kill(): Promise<Exit> {
    this.note('is killed');
    this.signal('SIGKILL');
    return this.exited;
  }

  /** To the program and to what it started. */
  signal(signal: NodeJS.Signals): void {
    this.isToldToEnd ||= signal !== 'SIGCONT' && signal !== 'SIGSTOP';
    try {
      if (this.child.pid !== undefined) process.kill(-this.child.pid, signal);
    } catch {
      // It has ended.
    }
  }

  /** To the program alone, not to what it started. */
  signalOne(signal: NodeJS.Signals): void {
    this.isToldToEnd ||= signal !== 'SIGCONT' && signal !== 'SIGSTOP';
    this.child.kill(signal);
  }

  endInput(): void {
    this.note('its input ends');
    this.child.stdin?.end();
  }

  /** Sets the program's clock to so many seconds beyond the right time. */
  setClock(seconds: number): void {
    this.note(`its clock is set to ${seconds} s beyond the right time`);
    writeFileSync(this.#clockFile, seconds >= 0 ? `+${seconds}` : `${seconds}`);
  }

  get #clockFile(): string {
    return join(this.#folder, 'clock');
  }

  #clockOf({ clock, clockSeconds = 0 }: ClientOptions): Record<string, string> {
    if (clock === undefined || FAKETIME === undefined) return {};
    this.setClock(clockSeconds);
    return clockFrom(this.#clockFile, clock);
  }
}

interface Waiting {
  readonly re: string;
  readonly done: (reply: Fields) => void;
}

/** A client that speaks the agent protocol: JSON, one object a line. */
export class AgentClient extends Client {
  #waiting: Waiting[] = [];
  readonly #waitSeconds: number | undefined;

  constructor(options: ClientOptions) {
    super(options, options.command);
    this.#waitSeconds = options.waitSeconds;
    if (this.child.stdout)
      createInterface({ input: this.child.stdout }).on('line', (line) => this.#read(line));
  }

  #read(line: string): void {
    this.output += `${line}\n`;
    const said = fieldsOf(line);
    if (typeof said?.event === 'string') {
      const code = typeof said.code === 'string' ? said.code : undefined;
      this.events.push({ atMs: Date.now(), event: said.event, code });
      return;
    }
    const index = this.#waiting.findIndex(({ re }) => re === said?.re);
    const [waiting] = index === -1 ? [] : this.#waiting.splice(index, 1);
    waiting?.done(said ?? {});
  }

  protected override onExit(): void {
    for (const { re, done } of this.#waiting) done({ re, ok: false, code: 'ENDED' });
    this.#waiting = [];
  }

  async #ask(re: string, more: Fields = {}, withinMs = REPLY_WITHIN_MS): Promise<[Fields, number]> {
    if (this.exit) throw new ClientFault(`the program has ended (${this.exit.code ?? this.exit.signal})`);
    const askedMs = Date.now();
    const { promise, resolve } = Promise.withResolvers<Fields>();
    this.#waiting.push({ re, done: resolve });
    this.child.stdin?.write(`${JSON.stringify({ do: re, ...more })}\n`);
    const late = new AbortController();
    const reply = await Promise.race([
      promise,
      sleep(withinMs, undefined, { signal: late.signal, ref: false }).catch(() => undefined),
    ]);
    late.abort();
    if (!reply) throw new ClientFault(`no reply to "${re}" within ${withinMs / 1000} s`);
    return [reply, askedMs];
  }

  async #do(re: string, more: Fields, withinMs?: number): Promise<Reply> {
    this.note(`is asked: ${JSON.stringify({ do: re, ...more })}`);
    const [{ ok, code }, askedMs] = await this.#ask(re, more, withinMs);
    const reply = {
      ok: ok !== false,
      code: typeof code === 'string' ? code : undefined,
      askedMs,
      atMs: Date.now(),
    };
    this.note(`replies to "${re}": ${reply.ok ? 'ok' : reply.code}`);
    return reply;
  }

  protected override async look(): Promise<Sample> {
    const [reply, askedMs] = await this.#ask('state');
    const { state, may_run: mayRun, holds_lease: holdsLease } = reply;
    if (typeof state !== 'string') throw new ClientFault(`"state" is answered by ${JSON.stringify(reply)}`);
    return {
      ...{ askedMs, state, reply },
      atMs: Date.now(),
      mayRun: mayRun === true,
      holdsLease: holdsLease === true,
    };
  }

  override async acquire(borrowDays?: number): Promise<Reply> {
    const waitSeconds = this.#waitSeconds;
    const more = {
      ...(waitSeconds === undefined ? {} : { wait_seconds: waitSeconds }),
      ...(borrowDays === undefined ? {} : { borrow_days: borrowDays }),
    };
    return this.#do('acquire', more, ((waitSeconds ?? 0) + 40) * 1000);
  }

  override async started(): Promise<void> {
    // A program that says nothing shows so in the scenario.
    await this.look().catch(() => undefined);
  }

  override release(): Promise<Reply> {
    return this.#do('release', {}, 30_000);
  }

  override async block(seconds: number): Promise<Reply> {
    await this.stopSampling();
    const reply = await this.#do('block', { seconds }, (seconds + 20) * 1000);
    this.startSampling();
    return reply;
  }

  override async leave(): Promise<Exit> {
    await this.stopSampling();
    this.note('is asked: {"do":"exit"}');
    this.child.stdin?.write('{"do":"exit"}\n');
    return this.exited;
  }
}

/**
 * A command that holds a seat while a program runs, such as `seatlease run`. The kit appends `-- PROBE`. It has a seat
 * while the probe runs and has not been told to end.
 */
export class RunClient extends Client {
  readonly #startedMs = Date.now();
  #probe: 'none' | 'runs' | 'told' | 'ended' = 'none';

  constructor(options: ClientOptions) {
    const wait = options.waitSeconds === undefined ? {} : { SEATLEASE_WAIT: String(options.waitSeconds) };
    super(
      { ...options, env: { ...options.env, ...wait } },
      `${options.command} -- '${process.execPath}' '${PROBE}'`,
    );
    if (!this.child.stdout) return;
    createInterface({ input: this.child.stdout }).on('line', (line) => {
      this.output += `${line}\n`;
      if (line === 'probe runs') this.#probe = 'runs';
      else if (line === 'probe is told to end') this.#told();
      else if (line === 'probe ended') this.#end('ended');
    });
  }

  #told(): void {
    this.#end('told');
    const event = this.isToldToEnd ? 'told' : 'lost';
    this.events.push({ atMs: Date.now(), event, code: undefined });
  }

  /** The command may end before the next look. */
  #end(how: 'told' | 'ended'): void {
    this.#probe = how;
    void this.state();
  }

  protected override async look(): Promise<Sample> {
    const atMs = Date.now();
    const mayRun = this.#probe === 'runs';
    return {
      askedMs: atMs,
      atMs,
      state: mayRun ? 'online' : 'none',
      mayRun,
      holdsLease: undefined,
      reply: {},
    };
  }

  override async started(hasAsked: () => boolean): Promise<void> {
    const endMs = Date.now() + START_WITHIN_MS;
    while (!hasAsked() && !this.exit && Date.now() < endMs) await sleep(20);
  }

  /** It began when the command was started. */
  override async acquire(): Promise<Reply> {
    const askedMs = this.#startedMs;
    while (this.#probe === 'none' && !this.exit) await sleep(20);
    const ok = this.#probe !== 'none';
    this.note(ok ? 'starts the probe' : `ends with ${this.exit?.code ?? this.exit?.signal}`);
    return { ok, code: ok ? undefined : codeOfExit(this.exit, this.errors), askedMs, atMs: Date.now() };
  }

  override async release(): Promise<Reply> {
    const askedMs = Date.now();
    this.note('is sent SIGTERM');
    await this.stopSampling();
    this.signalOne('SIGTERM');
    await this.exited;
    return { ok: true, code: undefined, askedMs, atMs: Date.now() };
  }

  override async block(): Promise<Reply> {
    return { ok: false, code: NOT_SUPPORTED, askedMs: Date.now(), atMs: Date.now() };
  }

  override async leave(): Promise<Exit> {
    await this.release();
    return this.exited;
  }
}

/** A command says why in its message. */
function codeOfExit(exit: Exit | undefined, errors: string): string {
  return /\b[A-Z]{3,}(_[A-Z]+)+\b/.exec(errors)?.[0] ?? `exit code ${exit?.code ?? exit?.signal}`;
}

export function startClient(options: ClientOptions): Client {
  return options.kind === 'agent' ? new AgentClient(options) : new RunClient(options);
}
