import { useState } from 'preact/hooks';
import type { License } from '../../../sdk/src/api.ts';
import { periodOf } from '../days.ts';
import { planName } from '../licenses.ts';
import { Alert } from '../ui/alert.tsx';
import { Button } from '../ui/button.tsx';
import { NumberField } from '../ui/number-field.tsx';
import { useAction } from '../ui/use-action.ts';
import { useCreate } from '../use-create.ts';

const PLANS: readonly License['plan'][] = ['free', 'pro', 'team', 'enterprise'];
const UNITS: readonly License['unit'][] = ['machine', 'user', 'process'];

interface CreateProps {
  /** Prefills the tenant id; empty for none. */
  readonly tenantId: string;
  /** Called with the license key, which the API returns only once. */
  onCreated(licenseKey: string): void;
}

export function CreateLicense({ tenantId, onCreated }: CreateProps) {
  const send = useCreate();
  const [tenant, setTenant] = useState(tenantId);
  const [plan, setPlan] = useState<License['plan']>('team');
  const [unit, setUnit] = useState<License['unit']>('machine');
  const [max, setMax] = useState(5);
  const [lastDay, setLastDay] = useState('');
  const create = useAction(async () => {
    const { to } = periodOf({ first: '', last: lastDay });
    const created = await send('licensesCreate', {
      body: { tenant_id: tenant.trim(), plan, unit, max, ...(to !== undefined && { valid_until: to }) },
    });
    onCreated(created.license_key);
  });
  return (
    <section class="card part" aria-labelledby="new-license">
      <h2 id="new-license">Create a license</h2>
      <form
        class="row-form"
        onSubmit={(event) => {
          event.preventDefault();
          void create.run();
        }}
      >
        <label class="wide">
          Tenant ID
          <input
            required
            autocomplete="off"
            placeholder="ten_…"
            value={tenant}
            onInput={({ currentTarget }) => setTenant(currentTarget.value)}
          />
        </label>
        <label>
          Plan
          <select
            value={plan}
            onChange={({ currentTarget: { value } }) => setPlan(PLANS.find((each) => each === value) ?? plan)}
          >
            {PLANS.map((each) => (
              <option key={each} value={each}>
                {planName(each)}
              </option>
            ))}
          </select>
        </label>
        <NumberField label="Seats" min={1} value={max} onChange={setMax} />
        <label>
          Seat unit
          <select
            value={unit}
            onChange={({ currentTarget: { value } }) => setUnit(UNITS.find((each) => each === value) ?? unit)}
          >
            {UNITS.map((each) => (
              <option key={each} value={each}>
                {each}
              </option>
            ))}
          </select>
        </label>
        <label>
          Last day (optional)
          <input
            type="date"
            value={lastDay}
            onInput={({ currentTarget }) => setLastDay(currentTarget.value)}
          />
        </label>
        <Button type="submit" kind="primary" busy={create.isBusy}>
          Create license
        </Button>
      </form>
      {create.problem && <Alert problem={create.problem} />}
    </section>
  );
}
