import type { License } from '../../../sdk/src/api.ts';
import { overdraftSeatsOf, planName, seatsOf, troubleOf } from '../licenses.ts';
import { Button } from '../ui/button.tsx';
import { Moment } from '../ui/moment.tsx';
import { Shortened } from '../ui/shortened.tsx';
import { Table } from '../ui/table.tsx';
import { tenantHref } from '../viewer.ts';

interface TableProps {
  readonly licenses: readonly License[];
  onChoose(action: 'resize' | 'status', license: License): void;
}

export function OperatorLicenseTable({ licenses, onChoose }: TableProps) {
  const nowMs = Date.now();
  return (
    <Table
      caption="Licenses, newest first"
      columns={['License', 'Tenant', 'Expires', 'State']}
      buttons="Actions"
    >
      {licenses.map((license) => {
        const { license_id, tenant_id, plan, max, overdraft, valid_until, status, trial } = license;
        const trouble = troubleOf(license, nowMs);
        return (
          <tr key={license_id}>
            <th scope="row">
              <a href={`${tenantHref(tenant_id, 'seats')}?license=${license_id}`}>
                {planName(plan)}, {seatsOf(max)}
              </a>
              {trial && <span class="badge warn">Trial</span>}
              <span class="second-line">
                <code>{license_id}</code>
                {overdraft > 0 && `, plus ${overdraftSeatsOf(overdraft)}`}
              </span>
            </th>
            <td data-label="Tenant">
              <Shortened text={tenant_id} label="Tenant" />
            </td>
            <td data-label="Expires">{valid_until === null ? 'never' : <Moment at={valid_until} />}</td>
            <td data-label="State">
              <span class={`badge ${trouble === undefined ? 'good' : 'bad'}`}>
                {trouble === undefined ? 'Active' : stateOf(license)}
              </span>
            </td>
            <td class="actions">
              <Button small label={`Resize ${license_id}`} onClick={() => onChoose('resize', license)}>
                Resize
              </Button>
              {license.hold === null && (
                <Button
                  small
                  label={`${status === 'active' ? 'Suspend' : 'Reinstate'} ${license_id}`}
                  onClick={() => onChoose('status', license)}
                >
                  {status === 'active' ? 'Suspend' : 'Reinstate'}
                </Button>
              )}
            </td>
          </tr>
        );
      })}
    </Table>
  );
}

function stateOf({ hold, status }: License): string {
  if (hold !== null) return `On hold: ${hold}`;
  return status === 'suspended' ? 'Suspended' : 'Expired';
}
