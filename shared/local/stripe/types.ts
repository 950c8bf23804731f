/**
 * A fake Stripe on the developer's machine: the calls that `Billing` makes, a page to pay on, and webhooks that are signed
 * and sent.
 */
export interface FakeStripe extends StripeControls {
  /** What `new Stripe(apiKey, { host, port, protocol: 'http' })` needs. */
  readonly apiKey: string;
  readonly host: string;
  readonly port: number;
  readonly url: string;
  /** A page to come back to after paying. */
  readonly returnUrl: string;
  readonly webhookSecret: string;

  /** Every event so far, the oldest first. */
  readonly events: readonly SentEvent[];
  /** Every call of the API, `POST /v1/customers`, in order. */
  readonly calls: readonly string[];

  /** From now on events are sent to `url` by themselves, one after the other; to nobody where it is absent. */
  sendEventsTo(url: string | undefined): void;
  /** Sends an event, again where it was sent before. Gives the status of the answer. */
  send(eventId: string, options?: SendOptions): Promise<number>;
  /** Resolves once every event so far was sent by itself and taken, or given up after a few tries. */
  idle(): Promise<void>;

  /** The subscription that was bought in the session. */
  subscriptionOf(sessionIdOrUrl: string): string | undefined;
  /** The charge that paid the latest invoice. */
  chargeOf(subscriptionId: string): string | undefined;
  /** Status, seats and ends as Stripe has them; to compare with. */
  subscription(subscriptionId: string): FakeSubscription | undefined;
  /** Meter events by identifier; one that was taken once more, a day or more later, is there once more, as `… again`. */
  readonly meterEvents: ReadonlyMap<
    string,
    { eventName: string; customerId: string; value: string; timestamp: number }
  >;

  /** From now on calls of the API fail so, or hang; `undefined` for no more. */
  breakApi(failure: ApiFailure | undefined): void;
  close(): Promise<void>;
}

export type ApiFailure = 'status 500' | 'status 429' | 'hang' | 'reset' | 'reset after doing';

/** What customers, banks and time do at Stripe; here at a command. */
export interface StripeControls {
  /** Whoever pays on the page of a session: with a card that is good, or one that is declined. */
  pay(sessionIdOrUrl: string, card?: 'good' | 'declined'): Promise<void>;
  /** As its portal does. */
  changeSeats(subscriptionId: string, seats: number): Promise<void>;
  changePrice(subscriptionId: string, lookupKey: string): Promise<void>;
  /** Ends the running period: makes the next one's invoice and tries to have it paid. */
  renew(subscriptionId: string, card?: 'good' | 'declined'): Promise<void>;
  /** Tries the overdue invoices again. */
  retryPayment(subscriptionId: string, card?: 'good' | 'declined'): Promise<void>;
  /** The last try has failed: `unpaid` or `canceled`, as the account is set up. */
  giveUp(subscriptionId: string, how: 'unpaid' | 'canceled'): Promise<void>;
  /** Three days before a trial ends. */
  announceTrialEnd(subscriptionId: string): Promise<void>;
  /** A trial ended and there is no card: as the account may be set up. */
  pause(subscriptionId: string): Promise<void>;
  resume(subscriptionId: string): Promise<void>;
  /** Ends it, as `cancel_at` in the past would. */
  end(subscriptionId: string): Promise<void>;
  /** Gives it back, all of it or a part, in the smallest unit of its currency. */
  refund(chargeId: string, amount?: number): Promise<void>;
  /** Gives the dispute's id. */
  dispute(chargeId: string): Promise<string>;
  closeDispute(disputeId: string, outcome: 'won' | 'lost'): Promise<void>;
  deleteCustomer(customerId: string): Promise<void>;
  /** Puts an event of any shape on the list of those that can be sent, as Stripe tells of things that we never asked for. */
  addEvent(type: string, object: Readonly<Record<string, unknown>>): Promise<SentEvent>;
}

export interface SentEvent {
  readonly id: string;
  readonly type: string;
  readonly created: number;
  /** What is sent, byte by byte. */
  readonly body: string;
}

export interface SendOptions {
  readonly url?: string;
  /** Another secret than the endpoint's. */
  readonly secret?: string;
  /** When it says it was signed, seconds. */
  readonly signedAt?: number;
}

export interface FakeSubscription {
  readonly id: string;
  readonly status: string;
  readonly lookupKey: string | null;
  readonly seats: number;
  readonly periodEnd: number;
  readonly cancelAt: number | null;
  readonly endedAt: number | null;
}

export interface FakeStripeOptions {
  /** 0 for any; where absent, the one of before, or any where that is taken. */
  readonly port?: number;
  /** Where what it knows outlives the process; nowhere where absent. */
  readonly file?: string | undefined;
  /** Milliseconds; the machine's clock where absent. */
  readonly nowMs?: () => number;
}
