import { useState } from 'preact/hooks';
import type { OperatorToken } from '../../../sdk/src/api.ts';
import { useConsole } from '../console.ts';
import { CreateToken } from '../operator/create-token.tsx';
import { Button } from '../ui/button.tsx';
import { Confirm } from '../ui/confirm.tsx';
import { KeepFocus } from '../ui/keep-focus.tsx';
import { Moment } from '../ui/moment.tsx';
import { NewSecret } from '../ui/new-secret.tsx';
import { Page } from '../ui/page.tsx';
import { Paged } from '../ui/paged.tsx';
import { Table } from '../ui/table.tsx';
import { usePages } from '../ui/use-pages.ts';

const STATUS = {
  active: { text: 'Active', tone: 'good' },
  expiring: { text: 'Expires soon', tone: 'warn' },
  expired: { text: 'Expired', tone: '' },
  revoked: { text: 'Revoked', tone: '' },
} as const satisfies Record<OperatorToken['status'], object>;

export function OperatorTokensPage() {
  const { call } = useConsole();
  const [created, setCreated] = useState<string>();
  const [revoking, setRevoking] = useState<OperatorToken>();
  const tokens = usePages(
    async (query, signal) => {
      const page = await call('operatorTokensList', { query, signal });
      return { rows: page.operator_tokens, nextCursor: page.next_cursor };
    },
    [call],
  );
  return (
    <Page title="Operator tokens" of="Operator">
      <CreateToken
        onCreated={(token) => {
          setCreated(token);
          tokens.load.again();
        }}
      />
      <Paged
        of={tokens}
        empty={
          <div class="empty">
            <p>No operator tokens yet. Create one above.</p>
          </div>
        }
        render={(rows) => (
          <KeepFocus>
            <Table
              caption="Operator tokens, newest first"
              columns={['Token', 'Scopes', 'Status', 'Expires', 'Last used']}
              buttons="Action"
            >
              {rows.map((token) => (
                <Row key={token.token_id} token={token} onRevoke={() => setRevoking(token)} />
              ))}
            </Table>
          </KeepFocus>
        )}
      />
      {created !== undefined && (
        <NewSecret
          title="New operator token"
          what="token"
          secret={created}
          onClose={() => setCreated(undefined)}
        />
      )}
      {revoking && (
        <Confirm
          title={`Revoke ${revoking.name}?`}
          verb="Revoke token"
          onClose={() => setRevoking(undefined)}
          act={async () => {
            await call('operatorTokensRevoke', { params: { token_id: revoking.token_id } });
            tokens.load.again();
          }}
        >
          <p>
            Programs that use it are refused at once, and so are those that use a token that was created with
            it. This cannot be undone.
          </p>
        </Confirm>
      )}
    </Page>
  );
}

function Row({ token, onRevoke }: { readonly token: OperatorToken; onRevoke(): void }) {
  const { token_id, name, scopes, status, created_by, expires_at, last_used_at } = token;
  const { text, tone } = STATUS[status];
  return (
    <tr>
      <th scope="row">
        {name}
        <span class="second-line">
          <code>{token_id}</code>, created by <code>{created_by.id ?? 'an erased user'}</code>
        </span>
      </th>
      <td data-label="Scopes">{scopes.join(', ')}</td>
      <td data-label="Status">
        <span class={`badge ${tone}`}>{text}</span>
      </td>
      <td data-label="Expires">
        <Moment at={expires_at} />
      </td>
      <td data-label="Last used">{last_used_at === null ? 'Never' : <Moment at={last_used_at} />}</td>
      <td class="actions">
        {(status === 'active' || status === 'expiring') && (
          <Button small label={`Revoke ${name}`} onClick={onRevoke}>
            Revoke
          </Button>
        )}
      </td>
    </tr>
  );
}
