import { useState } from 'preact/hooks';
import type { License, LicensesCreateRequest } from '../../../sdk/src/api.ts';
import { useConsole } from '../console.ts';
import { NewKeyDialog } from '../licenses/new-key.tsx';
import { planName } from '../licenses.ts';
import { Alert } from '../ui/alert.tsx';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { useAction } from '../ui/use-action.ts';

const PLANS: readonly License['plan'][] = ['free', 'pro', 'team', 'enterprise'];
const UNITS: readonly License['unit'][] = ['machine', 'user', 'process'];

interface NewLicenseProps {
  readonly tenantId: string;
  onClose(): void;
  onMade(): void;
}

/** A license for a tenant, and its key. */
export function NewLicenseDialog({ tenantId, onClose, onMade }: NewLicenseProps) {
  const { call } = useConsole();
  const [terms, setTerms] = useState<LicensesCreateRequest>({ max: 5, plan: 'pro', unit: 'machine' });
  const [key, setKey] = useState<string>();
  const make = useAction(async () => {
    const made = await call('licensesCreate', { body: { ...terms, tenant_id: tenantId } });
    setKey(made.license_key);
  });
  const set = (more: Partial<LicensesCreateRequest>) => setTerms((before) => ({ ...before, ...more }));
  if (key !== undefined) return <NewKeyDialog title="The license’s key" licenseKey={key} onClose={onMade} />;
  return (
    <Dialog title="A new license" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void make.run();
        }}
      >
        <label>
          Seats
          <input
            type="number"
            required
            min={0}
            step={1}
            value={terms.max}
            onInput={({ currentTarget }) => set({ max: currentTarget.valueAsNumber })}
          />
        </label>
        <label>
          Plan
          <select
            value={terms.plan}
            onChange={({ currentTarget }) => {
              const plan = PLANS.find((name) => name === currentTarget.value);
              if (plan) set({ plan });
            }}
          >
            {PLANS.map((plan) => (
              <option key={plan} value={plan}>
                {planName(plan)}
              </option>
            ))}
          </select>
        </label>
        <label>
          Counted by
          <select
            value={terms.unit}
            onChange={({ currentTarget }) => {
              const unit = UNITS.find((name) => name === currentTarget.value);
              if (unit) set({ unit });
            }}
          >
            {UNITS.map((unit) => (
              <option key={unit} value={unit}>
                {unit}
              </option>
            ))}
          </select>
        </label>
        {make.problem && <Alert problem={make.problem} />}
        <div class="buttons">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" kind="primary" busy={make.isBusy}>
            Make the license
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
