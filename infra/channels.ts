import * as monitoring from '@pulumi/gcp/monitoring/index.js';
import type { CustomResourceOptions, Input } from '@pulumi/pulumi';
import type { StackSettings } from './settings.ts';

/** Names of notification channels. */
export interface Channels {
  readonly all: Input<string>[];
  /** Budgets can notify no other kind. */
  readonly emails: Input<string>[];
}

/** Creates the channels of the settings, beside those that were created by hand. */
export function makeChannels({ alerts }: StackSettings, options: CustomResourceOptions): Channels {
  const make = (type: string, label: string, recipients: readonly string[]): Input<string>[] =>
    recipients.map(
      (recipient) =>
        new monitoring.NotificationChannel(
          recipient,
          { type, displayName: `Seatlease alerts: ${recipient}`, labels: { [label]: recipient } },
          options,
        ).id,
    );
  const emails = make('email', 'email_address', alerts.emails);
  // Of the two kinds of webhooks, the one without a password.
  const webhooks = make('webhook_tokenauth', 'url', alerts.webhooks);
  return { all: [...emails, ...webhooks, ...alerts.channels], emails };
}
