import { useState } from 'preact/hooks';
import type { License } from '../../../sdk/src/api.ts';
import { useConsole } from '../console.ts';
import { RotateDialog } from '../licenses/rotate-dialog.tsx';
import { limitsText, overdraftSeatsOf, planName, seatsOf, troubleOf } from '../licenses.ts';
import { durationOf } from '../time.ts';
import { Notice } from '../ui/alert.tsx';
import { Button } from '../ui/button.tsx';
import { NoLicenses } from '../ui/license-page.tsx';
import { Moment } from '../ui/moment.tsx';
import { Page } from '../ui/page.tsx';
import { Paged } from '../ui/paged.tsx';
import { usePages } from '../ui/use-pages.ts';
import { type TenantPageProps, tenantHref } from '../viewer.ts';

export function LicensesPage({ tenant }: TenantPageProps) {
  const { call } = useConsole();
  const { tenantId } = tenant;
  const pages = usePages(
    async (cursor, signal) => {
      const page = await call('licensesList', { query: { tenant_id: tenantId, ...cursor }, signal });
      return { rows: page.licenses, nextCursor: page.next_cursor };
    },
    [call, tenantId],
  );
  return (
    <Page title="Licenses" of={tenant.name}>
      <Paged
        of={pages}
        empty={<NoLicenses tenant={tenant} />}
        render={(licenses) =>
          licenses.map((license) => (
            <LicenseCard key={license.license_id} license={license} tenantId={tenantId} />
          ))
        }
      />
    </Page>
  );
}

interface CardProps {
  readonly license: License;
  readonly tenantId: string;
}

function LicenseCard({ license, tenantId }: CardProps) {
  const [isRotating, setRotating] = useState(false);
  const { license_id, plan, max, overdraft, trial, unit, valid_until, borrow, features, limits } = license;
  const { offline_grace_days, offline_start_days } = license;
  const nowMs = Date.now();
  const trouble = troubleOf(license, nowMs);
  const seatsHref = `${tenantHref(tenantId, 'seats')}?license=${license_id}`;
  return (
    <article class="card license" aria-labelledby={license_id}>
      <div class="card-head">
        <h2 id={license_id}>
          {planName(plan)}, {seatsOf(max)}
        </h2>
        {trial && <span class="badge warn">Trial</span>}
        <span class={`badge ${trouble === undefined ? 'good' : 'bad'}`}>
          {trouble === undefined ? 'Active' : 'No seats available'}
        </span>
      </div>
      {trouble !== undefined && (
        <Notice tone="bad">
          <p>{trouble}</p>
        </Notice>
      )}
      <dl class="facts">
        <dt>License</dt>
        <dd>
          <code>{license_id}</code>
        </dd>
        <dt>Seat unit</dt>
        <dd>
          {unit}
          {overdraft > 0 && `, plus ${overdraftSeatsOf(overdraft)}`}
        </dd>
        <dt>Expires</dt>
        <dd>{valid_until === null ? 'never' : <Moment at={valid_until} />}</dd>
        <dt>Borrowing</dt>
        <dd>
          {borrow.max_days === 0
            ? 'not allowed'
            : `for up to ${durationOf(borrow.max_days * DAY_SECONDS)}${borrow.low_water > 0 ? `, except for ${seatsOf(borrow.low_water)} that can only be used online` : ''}`}
        </dd>
        <dt>Offline</dt>
        <dd>
          {offline_grace_days === 0
            ? 'not allowed'
            : `for up to ${durationOf(offline_grace_days * DAY_SECONDS)}`}
          {offline_start_days > 0 &&
            `; can start within ${durationOf(offline_start_days * DAY_SECONDS)} of its last contact`}
        </dd>
        {features.length > 0 && (
          <>
            <dt>Features</dt>
            <dd>{features.join(', ')}</dd>
          </>
        )}
        {Object.keys(limits).length > 0 && (
          <>
            <dt>Limits</dt>
            <dd>{limitsText(limits)}</dd>
          </>
        )}
      </dl>
      <div class="buttons">
        <a class="button" href={seatsHref}>
          View seats
        </a>
        <Button label={`Rotate key of ${license_id}`} onClick={() => setRotating(true)}>
          Rotate key
        </Button>
      </div>
      {isRotating && <RotateDialog license={license} onClose={() => setRotating(false)} />}
    </article>
  );
}

const DAY_SECONDS = 86_400;
