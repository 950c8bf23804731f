import * as z from 'zod/mini';
import { type ChosenName, SETTING_NAMES, SETTINGS } from '../shared/settings.ts';

/** Settings that a stack can set for the functions as plain variables. */
export const CHOSEN = SETTING_NAMES.filter((name): name is ChosenName => SETTINGS[name].source === 'chosen');

const filled = z.string().check(z.minLength(1));
const count = z.int().check(z.gte(0));
const version = z.int().check(z.gte(1));

export const Settings = z.strictObject({
  /** Project and region of the stack, from `gcp:project` and `gcp:region`. */
  project: filled,
  region: filled,
  /** Google's number for the project: part of the functions' URLs and of its service agents' names. */
  projectNumber: z.string().check(z.regex(/^\d+$/, 'needs the digits of the project number, in quotes')),
  /** Must not be changed after the first deploy. */
  firestoreLocation: filled,
  publicUrl: z.url({ protocol: /^https$/, error: 'needs an https origin' }),
  /** Proxies in front of the functions; 2 behind Firebase Hosting. */
  forwardedHops: z.prefault(count, 2),
  /** Whether resources that cannot be created again are protected from deletion. */
  protect: z.boolean(),
  /** Instances of the hot path that are kept warm. */
  minInstances: count,
  signingKey: z.strictObject({
    /** Must not be changed after the first deploy. */
    protectionLevel: z.enum(['SOFTWARE', 'HSM']),
    /** The version that licenses are signed with. */
    version,
  }),
  /** The version of each secret that the functions get. */
  secretVersions: z.record(z.string(), version),
  signIn: z.optional(z.strictObject({ clientId: filled })),
  billing: z.optional(z.strictObject({ returnUrl: filled })),
  environment: z.prefault(z.partialRecord(z.enum(CHOSEN), z.string()), {}),
  /** Receives the alerts. */
  alertEmail: z.email('needs an e-mail address'),
  budget: z.optional(
    z.strictObject({
      billingAccount: filled,
      /** ISO 4217; must be the billing account's currency. */
      currency: z.string().check(z.regex(/^[A-Z]{3}$/, 'needs the three letters of a currency')),
      /** Whole units of the currency. */
      monthlyAmount: version,
    }),
  ),
  /** Folder of the bundles, relative to `infra/`, with a folder for each function. */
  bundles: z.prefault(filled, '../dist/functions'),
});

export type StackSettings = z.infer<typeof Settings>;
