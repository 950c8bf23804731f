import { useState } from 'preact/hooks';
import type { Operations } from '../../../sdk/src/api.ts';
import { useConsole } from '../console.ts';
import { ROLES } from '../members/roles.ts';
import { Button } from '../ui/button.tsx';
import { Confirm } from '../ui/confirm.tsx';
import { KeepFocus } from '../ui/keep-focus.tsx';
import { Loaded } from '../ui/loaded.tsx';
import { Moment } from '../ui/moment.tsx';
import { Page } from '../ui/page.tsx';
import { Table } from '../ui/table.tsx';
import { useLoad } from '../ui/use-load.ts';

type Offers = Operations['tenantsOffers']['answer'];

/** Something that the user can accept or decline. */
interface Offer {
  readonly key: string;
  readonly tenantName: string;
  readonly what: string;
  readonly from: string;
  readonly expiresAt: string;
  /** Questions, the object of their answers, and what each answer changes. */
  readonly joins: string;
  readonly declines: string;
  readonly noun: 'invitation' | 'ownership';
  readonly ifAccepted: string;
  readonly ifDeclined: string;
  accept(): Promise<unknown>;
  decline(): Promise<unknown>;
}

/** The tenants that invite the user, and those whose ownership is offered to them. */
export function InvitationsPage() {
  const { call, reloadViewer } = useConsole();
  const offers = useLoad((signal) => call('tenantsOffers', { signal }), [call]);
  const onAnswered = (): void => {
    offers.again();
    void reloadViewer();
  };
  return (
    <Page title="Invitations">
      <p class="quiet">
        Nothing changes until you accept. Decline invitations of tenants that you do not know: anyone who
        knows your address can invite you.
      </p>
      <Loaded
        of={offers}
        render={(found) => <OfferTable offers={offersIn(found, call)} onAnswered={onAnswered} />}
      />
    </Page>
  );
}

function offersIn({ invitations, transfers }: Offers, call: ReturnType<typeof useConsole>['call']): Offer[] {
  return [
    ...transfers.map(({ tenant_id, tenant_name, expires_at }): Offer => {
      const input = { params: { tenant_id } };
      return {
        key: tenant_id,
        tenantName: tenant_name,
        what: 'Ownership',
        from: 'Its owner or the vendor',
        expiresAt: expires_at,
        joins: `Become the owner of ${tenant_name}?`,
        declines: `Decline the ownership of ${tenant_name}?`,
        noun: 'ownership',
        ifAccepted: `You become the owner of ${tenant_name}, and its owner becomes an admin.`,
        ifDeclined: 'You keep your role. The ownership can be offered to you again.',
        accept: () => call('tenantsAcceptTransfer', input),
        decline: () => call('tenantsDeclineTransfer', input),
      };
    }),
    ...invitations.map(({ invitation_id, tenant_name, role, invited_by, expires_at }): Offer => {
      const input = { params: { invitation_id } };
      return {
        key: invitation_id,
        tenantName: tenant_name,
        what: ROLES[role].name,
        from: invited_by ? [invited_by.name, invited_by.email].filter(Boolean).join(', ') : 'The vendor',
        expiresAt: expires_at,
        joins: `Join ${tenant_name}?`,
        declines: `Decline the invitation of ${tenant_name}?`,
        noun: 'invitation',
        ifAccepted: `You become ${role === 'member' ? 'a member' : `the ${role}`} of ${tenant_name}. ${ROLES[role].allows}`,
        ifDeclined: 'The invitation is deleted. You can be invited again.',
        accept: () => call('tenantsAccept', input),
        decline: () => call('tenantsDecline', input),
      };
    }),
  ];
}

function OfferTable({ offers, onAnswered }: { readonly offers: readonly Offer[]; onAnswered(): void }) {
  const [accepting, setAccepting] = useState<Offer>();
  const [declining, setDeclining] = useState<Offer>();
  if (offers.length === 0) return <p class="quiet">You have no open invitations.</p>;
  return (
    <>
      <KeepFocus>
        <Table
          caption="Open invitations"
          columns={['Tenant', 'Role', 'Invited by', 'Valid until']}
          buttons="Actions"
        >
          {offers.map((offer) => (
            <tr key={offer.key}>
              <th scope="row">{offer.tenantName}</th>
              <td data-label="Role">{offer.what}</td>
              <td data-label="Invited by">{offer.from}</td>
              <td data-label="Valid until">
                <Moment at={offer.expiresAt} />
              </td>
              <td class="actions">
                <Button small label={`Accept: ${offer.tenantName}`} onClick={() => setAccepting(offer)}>
                  Accept
                </Button>
                <Button small label={`Decline: ${offer.tenantName}`} onClick={() => setDeclining(offer)}>
                  Decline
                </Button>
              </td>
            </tr>
          ))}
        </Table>
      </KeepFocus>
      {accepting && (
        <Confirm
          title={accepting.joins}
          verb={`Accept ${accepting.noun}`}
          kind="primary"
          onClose={() => setAccepting(undefined)}
          act={async () => {
            await accepting.accept();
            onAnswered();
          }}
        >
          <p>{accepting.ifAccepted}</p>
        </Confirm>
      )}
      {declining && (
        <Confirm
          title={declining.declines}
          verb={`Decline ${declining.noun}`}
          onClose={() => setDeclining(undefined)}
          act={async () => {
            await declining.decline();
            onAnswered();
          }}
        >
          <p>{declining.ifDeclined}</p>
        </Confirm>
      )}
    </>
  );
}
