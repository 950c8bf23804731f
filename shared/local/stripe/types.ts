import type { NewPrice } from './plan-prices.ts';
import type { DisputeStatus, PauseCollection, WriteOffReason } from './state.ts';

/**
 * A fake Stripe on the developer's machine: the API calls that `Billing` makes, a checkout page, and signed webhooks.
 */
export interface FakeStripe extends StripeControls {
  /** For `new Stripe(apiKey, { host, port, protocol: 'http' })`. */
  readonly apiKey: string;
  readonly host: string;
  readonly port: number;
  readonly url: string;
  /** A page to return to after paying. */
  readonly returnUrl: string;
  readonly webhookSecret: string;

  /** All events, oldest first. */
  readonly events: readonly SentEvent[];
  /** All API calls in order, such as `POST /v1/customers`. */
  readonly calls: readonly string[];

  /** Sends all later events to `url`, one after the other; `undefined` stops sending. */
  sendEventsTo(url: string | undefined): void;
  /** Sends an event, even if it was sent before. Returns the HTTP status of the answer. */
  send(eventId: string, options?: SendOptions): Promise<number>;
  /** Resolves when every queued event was accepted, or given up after a few retries. */
  idle(): Promise<void>;

  /** Id of the subscription that was bought in the session. */
  subscriptionOf(sessionIdOrUrl: string): string | undefined;
  /** `open`, `complete` or `expired`. */
  sessionStatus(sessionIdOrUrl: string): string;
  /** The sessions that a license can be paid in now. */
  openSessions(licenseId: string): readonly { readonly id: string; readonly url: string }[];
  /** The customers of a tenant that were not deleted. */
  customersOf(tenantId: string): readonly { readonly id: string; readonly name: string | null }[];
  /** Id of the charge that paid the latest invoice. */
  chargeOf(subscriptionId: string): string | undefined;
  /** Its invoices, newest first. */
  invoicesOf(subscriptionId: string): readonly FakeInvoice[];
  /** What the next invoice of the subscription charges or, if negative, credits for parts of periods. */
  prorationOf(subscriptionId: string): number;
  /** Credit of its customer, which pays later invoices, also of other subscriptions. */
  creditOf(subscriptionId: string): number;
  /** Status, seats and end dates at Stripe, for comparisons in tests. */
  subscription(subscriptionId: string): FakeSubscription | undefined;
  /** Meter events by identifier. A duplicate that was accepted after a day or more has the identifier `… again`. */
  readonly meterEvents: ReadonlyMap<
    string,
    { eventName: string; customerId: string; value: string; timestamp: number }
  >;

  /**
   * Makes all later API calls fail or hang, or those whose method and path match `only`; with `undefined` they succeed
   * again.
   */
  breakApi(failure: ApiFailure | undefined, only?: RegExp): void;
  close(): Promise<void>;
}

/**
 * `saved 500`: Stripe does nothing, and repeats the failure for the same idempotency key also later. `refuse`: as an
 * invalid request.
 */
export type ApiFailure =
  | 'status 500'
  | 'saved 500'
  | 'status 429'
  | 'refuse'
  | 'hang'
  | 'reset'
  | 'reset after doing';

/** What customers, banks and time do at Stripe, as calls for tests. */
export interface StripeControls extends DashboardControls {
  /** Pays a session with a working or a declined card. */
  pay(sessionIdOrUrl: string, card?: 'good' | 'declined'): Promise<void>;
  /**
   * Pays by a method that takes days, such as a bank debit: the session is complete and its subscription `incomplete`.
   * `retryPayment` completes the payment, `giveUp` fails it.
   */
  payLater(sessionIdOrUrl: string): Promise<void>;
  /** Changes the number of seats, like the customer portal. */
  changeSeats(subscriptionId: string, seats: number): Promise<void>;
  changePrice(subscriptionId: string, lookupKey: string): Promise<void>;
  /** Bills and pays a change within the period, with a proration of `amount` and nothing else. */
  prorate(subscriptionId: string, amount: number): Promise<void>;
  /**
   * Ends the current period. The next one starts with an invoice and a payment attempt, unless the subscription was
   * canceled.
   */
  renew(subscriptionId: string, card?: 'good' | 'declined'): Promise<void>;
  /** Retries the payment of overdue invoices. */
  retryPayment(subscriptionId: string, card?: 'good' | 'declined'): Promise<void>;
  /**
   * Ends the retries: the subscription becomes `unpaid` or `canceled`, depending on the account's settings; after a
   * first payment `incomplete_expired`, or `past_due` if Stripe had started it while the payment was on its way.
   */
  giveUp(
    subscriptionId: string,
    how: 'past_due' | 'unpaid' | 'canceled' | 'incomplete_expired',
  ): Promise<void>;
  /** Sends the event that Stripe sends three days before a trial ends. */
  announceTrialEnd(subscriptionId: string): Promise<void>;
  /** Pauses a subscription, as an account can be set up to do when a trial ends without a card. */
  pause(subscriptionId: string): Promise<void>;
  resume(subscriptionId: string): Promise<void>;
  /** Ends the subscription now, like a `cancel_at` in the past. */
  end(subscriptionId: string): Promise<void>;
  /** Ends the subscription at that time (seconds), as the portal can; `null` undoes it. */
  cancelAt(subscriptionId: string, seconds: number | null): Promise<void>;
  /**
   * Puts it under a schedule of the current period and `further` ones, as the dashboard can. Returns the schedule's id.
   */
  addSchedule(subscriptionId: string, endBehavior: 'release' | 'cancel', further?: number): Promise<string>;
  /** What later payments of its customer do that nobody attends to. */
  setCard(subscriptionId: string, card: 'good' | 'declined' | 'none'): Promise<void>;
  /** As subscriptions were before `flexible` became the default. */
  setBillingMode(subscriptionId: string, mode: 'classic'): Promise<void>;
  /** An hour passes: drafts that advance by themselves are finalized and collected. */
  advanceDrafts(): Promise<void>;
  /** Returns the item's id. */
  addItem(subscriptionId: string, item: NewItem): Promise<string>;
  removeItem(itemId: string): Promise<void>;
  changeQuantityOf(itemId: string, quantity: number): Promise<void>;
  /** Pays an open invoice on its page with a working card. A change that waits for it is made. */
  payInvoice(invoiceIdOrUrl: string): Promise<void>;
  /** The time to pay for a pending change passes. */
  expirePendingUpdate(subscriptionId: string): Promise<void>;
  /** Adds a price, which takes its lookup key from the price that has it. Returns its id. */
  addPrice(price?: NewPrice): Promise<string>;
  /** Moves the lookup key to a new price, a copy of the old one with `changes`. Returns the new price's id. */
  moveLookupKey(lookupKey: string, changes?: NewPrice): Promise<string>;
  /** Stops selling the price. Its subscribers keep paying it. */
  archivePrice(priceId: string): Promise<void>;
  setPriceMetadata(priceId: string, metadata: Readonly<Record<string, string>>): Promise<void>;
  /** Sends invoices from now on, due in `daysUntilDue` days (default 30); `retryPayment` pays them. */
  sendInvoice(subscriptionId: string, daysUntilDue?: number): Promise<void>;
  /** The due date of sent invoices passes: the subscription becomes `past_due`. */
  passDueDate(subscriptionId: string): Promise<void>;
  /** Stops collecting payments. The subscription keeps its status. */
  pauseCollection(
    subscriptionId: string,
    behavior: PauseCollection['behavior'],
    resumesAt?: number | null,
  ): Promise<void>;
  resumeCollection(subscriptionId: string): Promise<void>;
  /** Refunds all of a charge, or `amount` in the smallest unit of its currency. Returns the refund's id. */
  refund(chargeId: string, amount?: number): Promise<string>;
  /** The bank cannot give the money of a refund to the customer. */
  failRefund(refundId: string): Promise<void>;
  /** Opens a dispute or an inquiry and returns its id. */
  dispute(chargeId: string, kind?: 'dispute' | 'inquiry'): Promise<string>;
  /** Moves a dispute to its next status, with the events of that. */
  moveDispute(disputeId: string, status: DisputeStatus): Promise<void>;
  deleteCustomer(customerId: string): Promise<void>;
  /** Adds a meter. A new account has `exports` and `api_calls`. */
  addMeter(name: string): Promise<void>;
  archiveMeter(name: string): Promise<void>;
  /** Rejects accepted usage with one of Stripe's codes, as Stripe can when it processes it. */
  rejectUse(identifier: string, code: string): Promise<void>;
  /** Sends thin events about the usage that was rejected since the last call, one for each meter. */
  reportMeterErrors(): Promise<SentEvent[]>;
  /** Adds any event, because Stripe also sends types that we did not ask for, and in the version of the endpoint. */
  addEvent(type: string, object: Readonly<Record<string, unknown>>, apiVersion?: string): Promise<SentEvent>;
  /** Adds a thin event, as a destination for thin events sends it. */
  addThinEvent(type: string, related?: RelatedObject): Promise<SentEvent>;
  /** Adds an event with this body, which no release of ours has to understand. */
  addBody(body: string): Promise<SentEvent>;
}

/** What a thin event is about. */
export interface RelatedObject {
  readonly id: string;
  readonly type: string;
  readonly url: string;
}

/** What only the vendor does, in the dashboard. */
export interface DashboardControls {
  voidInvoice(invoiceId: string): Promise<void>;
  /** By hand, or with `max_payment_attempts` by Stripe after the last retry, as the account can be set up. */
  markUncollectible(invoiceId: string, reason?: WriteOffReason): Promise<void>;
  /** Charges a part of what is left to pay of an invoice. Returns the charge's id. */
  payPart(invoiceId: string, amount: number): Promise<string>;
  /** Marks an invoice as paid outside of Stripe. */
  payOutOfBand(invoiceId: string): Promise<void>;
  /** Issues a credit note of `amount`; `credit` says where it goes if the invoice is paid. */
  creditInvoice(invoiceId: string, amount: number, credit: Credit): Promise<void>;
  /** Adds to the balance that pays later invoices. */
  creditCustomer(customerId: string, amount: number): Promise<void>;
  /** Discounts all later invoices; 0 ends the discount. */
  discount(subscriptionId: string, percentOff: number): Promise<void>;
  /** Begins a trial that ends then (seconds), also of a paid subscription, or ends it. */
  setTrialEnd(subscriptionId: string, end: number | 'now', card?: 'good' | 'declined'): Promise<void>;
  /** Begins and bills new periods now. */
  resetBillingCycle(subscriptionId: string, card?: 'good' | 'declined'): Promise<void>;
  /** Adds, changes and, with an empty value, removes metadata. */
  setMetadata(subscriptionId: string, metadata: Readonly<Record<string, string>>): Promise<void>;
  renameCustomer(customerId: string, name: string): Promise<void>;
  /** Archives a price, or sells it again. */
  setPriceActive(priceId: string, isActive: boolean): Promise<void>;
  /** Creates a subscription without a page, and returns its id. */
  createSubscription(customerId: string, subscription: HandMadeSubscription): Promise<string>;
  /** Sends an invoice by hand, beside those of the items. Returns its id. */
  invoiceByHand(subscriptionId: string, amount: number, daysUntilDue: number): Promise<string>;
  /** The 23 hours for the first payment pass. */
  expireFirstPayment(subscriptionId: string): Promise<void>;
}

export type Credit = 'refund' | 'balance' | 'outside Stripe';

export interface HandMadeSubscription {
  /** Id or lookup key. */
  readonly price: string;
  /** Default 1. */
  readonly quantity?: number;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Sends invoices to be paid within these days; absent to charge a card. */
  readonly daysUntilDue?: number;
  readonly card?: 'good' | 'declined';
}

export interface FakeInvoice {
  readonly id: string;
  readonly status: string;
  readonly amountDue: number;
  readonly amountPaid: number;
  /** Whether Stripe finalizes and collects it without a call. */
  readonly autoAdvance: boolean;
  /** The items of which it bills a whole period. */
  readonly itemIds: readonly string[];
}

export interface SentEvent {
  readonly id: string;
  readonly type: string;
  readonly created: number;
  /** The exact body that is sent. */
  readonly body: string;
}

export interface SendOptions {
  readonly url?: string;
  /** Signs with this secret instead of the endpoint's. */
  readonly secret?: string;
  /** Time in the signature, in seconds. */
  readonly signedAt?: number;
}

export interface FakeSubscription {
  readonly id: string;
  readonly status: string;
  /** Of the first licensed item. */
  readonly lookupKey: string | null;
  /** Of the first licensed item. */
  readonly seats: number;
  /** Of the item whose period ends first. */
  readonly periodEnd: number;
  readonly cancelAt: number | null;
  readonly endedAt: number | null;
  readonly items: readonly FakeItem[];
}

export interface FakeItem {
  readonly id: string;
  readonly priceId: string;
  readonly lookupKey: string | null;
  readonly usageType: 'licensed' | 'metered';
  /** Absent for a metered item. */
  readonly quantity: number | undefined;
  readonly periodEnd: number;
}

export interface FakeStripeOptions {
  /** 0 for a free port. Default: the port of the last start, or a free one if that is taken. */
  readonly port?: number;
  /** File that keeps the state after a restart. Without it, the state is in memory only. */
  readonly file?: string | undefined;
  /** Current time in milliseconds. Default: the machine's clock. */
  readonly nowMs?: () => number;
  /** Called when an answer is not as Stripe's library describes it. Default: throws the error, which fails a test. */
  readonly onDefect?: (error: Error) => void;
}

export interface NewItem {
  /** Id or lookup key. */
  readonly price: string;
  /** Default 1. Ignored for a metered price. */
  readonly quantity?: number;
  /** Where Stripe lists it. Default last. */
  readonly position?: 'first' | 'last';
}
