import { useState } from 'preact/hooks';
import type { StripeEvent } from '../../../sdk/src/api.ts';
import { useConsole } from '../console.ts';
import { Button } from '../ui/button.tsx';
import { Confirm } from '../ui/confirm.tsx';
import { KeepFocus } from '../ui/keep-focus.tsx';
import { Moment } from '../ui/moment.tsx';
import { Page } from '../ui/page.tsx';
import { Paged } from '../ui/paged.tsx';
import { Table } from '../ui/table.tsx';
import { usePages } from '../ui/use-pages.ts';

const LISTS = {
  set_aside: { title: 'Set aside', empty: 'No event of Stripe was set aside.' },
  unreadable: { title: 'Unreadable', empty: 'All Stripe events could be read.' },
  open: { title: 'Not processed yet', empty: 'All Stripe events are processed.' },
} as const;
type Status = keyof typeof LISTS;

export function OperatorStripeEventsPage() {
  return (
    <Page title="Stripe events" of="Operator">
      {(Object.keys(LISTS) as Status[]).map((status) => (
        <Events key={status} status={status} />
      ))}
    </Page>
  );
}

function Events({ status }: { readonly status: Status }) {
  const { call } = useConsole();
  const [retrying, setRetrying] = useState<StripeEvent>();
  const { title, empty } = LISTS[status];
  const events = usePages(
    async (query, signal) => {
      const page = await call('stripeEventsList', { query: { status, ...query }, signal });
      return { rows: page.stripe_events, nextCursor: page.next_cursor };
    },
    [call, status],
  );
  return (
    <section aria-labelledby={status}>
      <h2 id={status}>{title}</h2>
      <Paged
        of={events}
        empty={
          <div class="empty">
            <p>{empty}</p>
          </div>
        }
        render={(rows) => (
          <KeepFocus>
            <Table
              caption={`${title}, newest first`}
              columns={['Event', 'Received', 'Tries', 'Last error']}
              buttons="Action"
            >
              {rows.map((event) => (
                <Row key={event.event_id} event={event} onRetry={() => setRetrying(event)} />
              ))}
            </Table>
          </KeepFocus>
        )}
      />
      {retrying && (
        <Confirm
          title="Try the event again?"
          verb="Try again"
          onClose={() => setRetrying(undefined)}
          act={async () => {
            await call('stripeEventsRetry', { params: { event_id: retrying.event_id } });
            events.load.again();
          }}
        >
          <p>
            The next sweep tries <code>{retrying.event_id}</code>, within a minute. It fails again unless its
            cause is fixed: {retrying.last_error}
          </p>
        </Confirm>
      )}
    </section>
  );
}

function Row({ event, onRetry }: { readonly event: StripeEvent; onRetry(): void }) {
  const { event_id, type, status, object_id, tries, last_error, next_try_at, received_at } = event;
  return (
    <tr>
      <th scope="row">
        <code>{event_id}</code>
        <span class="second-line">
          {type ?? 'of an unknown type'}
          {object_id !== null && (
            <>
              {' about '}
              <code>{object_id}</code>
            </>
          )}
        </span>
      </th>
      <td data-label="Received">
        <Moment at={received_at} />
      </td>
      <td data-label="Tries">
        {tries}
        {next_try_at !== null && (
          <span class="second-line">
            next <Moment at={next_try_at} />
          </span>
        )}
      </td>
      <td data-label="Last error">{last_error ?? 'None'}</td>
      <td class="actions">
        {status !== 'unreadable' && (
          <Button small label={`Try again ${event_id}`} onClick={onRetry}>
            Try again
          </Button>
        )}
      </td>
    </tr>
  );
}
