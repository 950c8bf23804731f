import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Client,
  type Exit,
  type Kind,
  NOT_SUPPORTED,
  type Reply,
  type Sample,
  startClient,
} from './client.ts';
import { type Finding, judge, type Play, type ServerLog, serverMs } from './judge.ts';
import { Network, type Operation, type Seen } from './network.ts';
import type { License, Server, Terms } from './server.ts';
import { timelineOf } from './timeline.ts';

/** Kinds of clients to which a scenario is played. */
export const BOTH = ['agent', 'run'] as const;
export const AGENT = ['agent'] as const;

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** What a scenario needs beside the server. `--without` leaves out what a client does not offer. */
export type Need = 'own server' | 'libfaketime' | 'offline' | 'borrow' | 'two programs';

export interface Scenario {
  /** The row of protocol.md, and what of it is played: `P6/redirect`. */
  readonly id: string;
  readonly promise: string;
  readonly kinds: readonly Kind[];
  readonly needs?: readonly Need[];
  play(stage: Stage): Promise<void>;
}

/** A promise was broken; what follows in the scenario makes no sense. */
export class Broken extends Error {
  override readonly name = 'Broken';
}

/** The client declares that it cannot do what the scenario needs, and need not. */
export class NotRequired extends Error {
  override readonly name = 'NotRequired';
}

export interface StageOptions {
  readonly kind: Kind;
  readonly command: string;
  readonly server: Server;
  /** A new folder of this scenario. */
  readonly folder: string;
  /** Files with public keys: the server's, and another. */
  readonly keys: { readonly right: string; readonly wrong: string };
  /**
   * Waits until a client may be started; returns what to call once it has started. Many at once would keep the machine
   * so busy that times are wrong.
   */
  turn(): Promise<() => void>;
}

export interface PlayerOptions {
  /** Programs of one machine share fingerprint and files. */
  readonly machine?: string;
  readonly keys?: 'right' | 'wrong' | 'none';
  /** Gets the address of this program, which has ended. */
  readonly after?: Player;
  readonly waitSeconds?: number;
  readonly clock?: 'both' | 'wall';
  /** Seconds beyond the right time, from the start. */
  readonly clockSeconds?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** Short leases, so that they end during the scenario. One seat, so that a second one would be refused. */
const TERMS: Terms = {
  plan: 'enterprise',
  max: 1,
  ttl_seconds: 10,
  heartbeat_seconds: 3,
  requests_per_minute: 10_000,
  offline_grace_days: 7,
  borrow: { max_days: 30, low_water: 0 },
};

const POLL_MS = 25;

/** Where one scenario is played: a license, clients, and what is found. */
export class Stage {
  readonly server: Server;
  readonly players: Player[] = [];
  readonly broken: string[] = [];
  readonly #options: StageOptions;
  readonly #moves: { atMs: number; aheadMs: number }[];
  readonly #cleanUps: (() => void)[] = [];
  #license: License | undefined;
  #terms: Terms = TERMS;

  constructor(options: StageOptions) {
    this.#options = options;
    this.server = options.server;
    this.#moves = [{ atMs: 0, aheadMs: options.server.aheadMs() }];
  }

  get kind(): Kind {
    return this.#options.kind;
  }

  get license(): License {
    if (!this.#license) throw new Error('the scenario has no license yet');
    return this.#license;
  }

  get ttlMs(): number {
    return Number(this.#terms.ttl_seconds) * 1000;
  }

  get heartbeatMs(): number {
    return Number(this.#terms.heartbeat_seconds) * 1000;
  }

  async createLicense(terms: Terms = {}): Promise<License> {
    this.#terms = { ...TERMS, ...terms };
    this.#license = await this.server.createLicense(this.#terms);
    return this.#license;
  }

  /** Changes the license, as an admin does. */
  async change(terms: Terms): Promise<void> {
    await this.server.operate('PATCH', `/api/v1/licenses/${this.license.licenseId}`, terms);
  }

  /** Starts a client. It does not acquire a seat yet, unless it is a command. */
  async start(options: PlayerOptions = {}): Promise<Player> {
    if (!this.#license) await this.createLicense();
    const { kind, command, folder, keys } = this.#options;
    const {
      machine = `machine-${randomUUID()}`,
      keys: pinned = 'none',
      waitSeconds,
      clock,
      clockSeconds,
    } = options;
    // The next program of a machine finds the server, and what is stored for it, at the same address.
    const before = options.after ?? this.players.findLast((one) => one.machine === machine);
    const port = before?.client.exit && before.network.port;
    if (port !== undefined) await before?.network.close();
    const network = await new Network(this.server).open(port);
    const files = join(folder, machine);
    mkdirSync(files, { recursive: true });
    const name = `client ${this.players.length + 1}`;
    const started = await this.#options.turn();
    const client = startClient({
      ...{ name, kind, command, folder: files, clock, clockSeconds, waitSeconds },
      env: {
        SEATLEASE_URL: network.url,
        SEATLEASE_LICENSE_KEY: this.license.key,
        SEATLEASE_FINGERPRINT: machine,
        SEATLEASE_STATE_FOLDER: join(files, 'state'),
        XDG_STATE_HOME: join(files, 'state'),
        ...(pinned === 'none' ? {} : { SEATLEASE_PUBLIC_KEYS: keys[pinned] }),
        ...options.env,
      },
    });
    const player = new Player({
      client,
      network,
      stage: this,
      machine,
      pinned,
      licenseKey: this.license.key,
    });
    this.players.push(player);
    const isUp = client.started(() => network.seen.length > 0).then(started);
    // A command asks at once: what a scenario does to its first request must be set before.
    if (kind === 'agent') await isUp;
    else player.noteAcquire();
    return player;
  }

  /** Starts a client that gets a seat. */
  async seat(options: PlayerOptions = {}): Promise<Player> {
    const player = await this.start(options);
    const reply = await player.acquire();
    if (!reply.ok) throw new Broken(`no seat was acquired: ${reply.code}`);
    player.client.startSampling();
    return player;
  }

  /** A client whose signed license is stored, so that the grace of its license applies. */
  async seatWithGrace(options: PlayerOptions = {}): Promise<Player> {
    const player = await this.seat({ keys: 'right', ...options });
    await player.untilAnswered('sign', 200);
    await sleep(1_000);
    return player;
  }

  /** Seats of the license that are taken. */
  async taken(): Promise<number> {
    const read = await this.server.operate('GET', `/api/v1/licenses/${this.license.licenseId}`);
    return (read.seats as { active: number }).active;
  }

  /** Takes a seat for another machine, until it is released. */
  async occupy(machine = 'another machine'): Promise<{ release(): Promise<void> }> {
    const send = (method: string, path: string, body: object): Promise<Response> =>
      fetch(`${this.server.url}/api/v1/licenses/${path}`, {
        method,
        headers: { authorization: `License ${this.license.key}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    const grant = await send('POST', 'acquire', { fingerprint: machine, instance_id: randomUUID() });
    const { session_id } = (await grant.json()) as { session_id: string };
    if (grant.status !== 201) throw new Error(`the kit gets no seat: ${grant.status}`);
    const beats = setInterval(
      () => void send('PUT', 'heartbeat', { session_id }).catch(() => {}),
      this.heartbeatMs,
    );
    this.#cleanUps.push(() => clearInterval(beats));
    return {
      async release() {
        clearInterval(beats);
        await send('POST', 'release', { session_id });
      },
    };
  }

  async evict(player: Player, scope: 'program' | 'seat'): Promise<void> {
    player.client.note(`an admin evicts its ${scope}`);
    await this.server.operate('DELETE', `/api/v1/licenses/sessions/${player.sessionId}?scope=${scope}`);
  }

  /** The server's clock moves; the clients notice nothing but what they ask. */
  async moveClock(ms: number): Promise<void> {
    await this.server.moveClock(ms);
    this.#moves.push({ atMs: Date.now(), aheadMs: this.server.aheadMs() });
    for (const { client } of this.players) client.note(`the server's clock moves by ${ms / HOUR_MS} h`);
  }

  stateFolderOf(machine: string): string {
    return join(this.#options.folder, machine, 'state');
  }

  sleep(seconds: number): Promise<void> {
    return sleep(seconds * 1000);
  }

  expect(isKept: boolean, promise: string): void {
    if (!isKept) this.broken.push(promise);
  }

  /** Waits for a promise to be kept. */
  async until(promise: string, isKept: () => boolean | Promise<boolean>, withinSeconds = 10): Promise<void> {
    const endMs = Date.now() + withinSeconds * 1000;
    while (!(await isKept())) {
      if (Date.now() > endMs) throw new Broken(`${promise}: not within ${withinSeconds} s`);
      await sleep(POLL_MS);
    }
  }

  async close(): Promise<void> {
    for (const cleanUp of this.#cleanUps) cleanUp();
    for (const { client } of this.players) {
      await client.stopSampling();
      client.signal('SIGCONT');
      client.signal('SIGKILL');
    }
    await Promise.all(this.players.map(({ network }) => network.close()));
  }

  async judge(): Promise<{ readonly findings: readonly Finding[]; readonly timeline: readonly string[] }> {
    const events = this.#license ? await this.server.eventsOf(this.#license.licenseId) : [];
    const log: ServerLog = {
      licenseId: this.#license?.licenseId ?? '',
      max: Number(this.#terms.max),
      events,
      moves: this.#moves,
    };
    const plays = this.players.map((player) => player.play(this.#terms));
    return { findings: judge(plays, log), timeline: timelineOf(this.players, log) };
  }

  get beganMs(): number {
    return Math.min(...this.players.flatMap(({ client }) => client.steps.map(({ atMs }) => atMs)));
  }

  serverNowMs(): number {
    return serverMs({ moves: this.#moves }, Date.now());
  }
}

/** A client, its network, and what the kit did to it. */
export class Player {
  readonly client: Client;
  readonly network: Network;
  readonly machine: string;
  readonly #stage: Stage;
  readonly #pinned: string;
  readonly #acquires: number[] = [];
  readonly #releases: number[] = [];
  readonly #disturbances: { readonly fromMs: number; readonly toMs: number }[] = [];
  #licenseKey: string;

  constructor(given: {
    readonly client: Client;
    readonly network: Network;
    readonly stage: Stage;
    readonly machine: string;
    readonly pinned: string;
    readonly licenseKey: string;
  }) {
    this.client = given.client;
    this.network = given.network;
    this.machine = given.machine;
    this.#stage = given.stage;
    this.#pinned = given.pinned;
    this.#licenseKey = given.licenseKey;
  }

  /** A command acquires once, when it is started. */
  noteAcquire(): void {
    this.#acquires.push(Date.now());
  }

  async acquire(borrowDays?: number): Promise<Reply> {
    if (this.#stage.kind === 'agent') this.noteAcquire();
    return this.#disturb(() => this.client.acquire(borrowDays));
  }

  async release(): Promise<Reply> {
    this.#releases.push(Date.now());
    return this.#disturb(() => this.client.release());
  }

  leave(): Promise<Exit> {
    return this.client.leave();
  }

  async suspend(seconds: number): Promise<void> {
    await this.#disturb(() => this.client.suspend(seconds));
  }

  async block(seconds: number): Promise<void> {
    const reply = await this.#disturb(() => this.client.block(seconds));
    if (!reply.ok && reply.code === NOT_SUPPORTED) throw new NotRequired('the client cannot be blocked');
  }

  /** Moves the client's clock while it is not looked at. */
  async setClock(seconds: number, whileHidden: () => Promise<void> = async () => {}): Promise<void> {
    await this.client.stopSampling();
    await this.#disturb(async () => {
      this.client.setClock(seconds);
      await whileHidden();
    });
    this.client.startSampling();
  }

  /** What the client does meanwhile, and a second later, is not its usual pace. */
  async #disturb<T>(act: () => Promise<T>): Promise<T> {
    const fromMs = Date.now();
    try {
      return await act();
    } finally {
      this.#disturbances.push({ fromMs, toMs: Date.now() + 1_000 });
    }
  }

  of(operation: Operation): readonly Seen[] {
    return this.network.of(operation);
  }

  /** Asks for a seat, of both kinds, since `sinceMs`. */
  asksSince(sinceMs: number): readonly Seen[] {
    return this.network.seen.filter(
      ({ operation, atMs }) => atMs >= sinceMs && (operation === 'heartbeat' || operation === 'acquire'),
    );
  }

  get sessionId(): string {
    const told = this.network.seen.findLast(
      ({ told: each }) => each?.isGood && each.body?.session_id !== undefined,
    );
    return String(told?.told?.body?.session_id);
  }

  get last(): Sample | undefined {
    return this.client.samples.at(-1);
  }

  hasSaid(event: string, code?: string): boolean {
    return this.client.events.some((one) => one.event === event && (code === undefined || one.code === code));
  }

  countOf(event: string): number {
    return this.client.events.filter((one) => one.event === event).length;
  }

  /** Samples that were asked for since. */
  since(ms: number): readonly Sample[] {
    return this.client.samples.filter(({ askedMs }) => askedMs >= ms);
  }

  mayRunSince(ms: number): boolean {
    return this.since(ms).every(({ mayRun }) => mayRun);
  }

  /** Commands have no events but the end of their program. */
  expectEvent(event: string, code?: string): void {
    if (this.#stage.kind === 'run' && event !== 'lost') return;
    const isKept = this.hasSaid(event, this.#stage.kind === 'run' ? undefined : code);
    this.#stage.expect(isKept, `${this.client.name} reports "${event}"${code ? ` with ${code}` : ''}`);
  }

  expectNever(...events: readonly string[]): void {
    for (const event of events)
      this.#stage.expect(!this.hasSaid(event), `${this.client.name} never reports "${event}"`);
  }

  untilState(state: string, withinSeconds?: number): Promise<void> {
    if (this.#stage.kind === 'run') {
      const mayRun = state === 'online' || state === 'offline';
      return this.#stage.until(`may run: ${mayRun}`, () => this.last?.mayRun === mayRun, withinSeconds);
    }
    return this.#stage.until(`state "${state}"`, () => this.last?.state === state, withinSeconds);
  }

  untilEvent(event: string, withinSeconds: number, code?: string): Promise<void> {
    return this.#stage.until(`it reports "${event}"`, () => this.hasSaid(event, code), withinSeconds);
  }

  untilAnswered(operation: Operation, status: number, withinSeconds?: number): Promise<void> {
    const isAnswered = (): boolean => this.of(operation).some(({ told }) => told?.status === status);
    return this.#stage.until(`${operation} is answered ${status}`, isAnswered, withinSeconds);
  }

  play(terms: Terms): Play {
    const { client, network } = this;
    return {
      name: client.name,
      fingerprint: this.machine,
      licenseKey: this.#licenseKey,
      ttlMs: Number(terms.ttl_seconds) * 1000,
      heartbeatMs: Number(terms.heartbeat_seconds) * 1000,
      canHaveGrace: this.#pinned === 'right',
      seen: network.seen,
      samples: client.samples,
      events: client.events,
      acquires: this.#acquires,
      releases: this.#releases,
      disturbances: this.#disturbances,
      printed: client.output + client.errors,
    };
  }
}
