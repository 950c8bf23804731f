import { useState } from 'preact/hooks';
import type { License } from '../../../sdk/src/api.ts';
import { Alert } from '../ui/alert.tsx';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { useAction } from '../ui/use-action.ts';
import { useCreate } from '../use-create.ts';
import { NewKey } from './new-key.tsx';

/** For how many seconds the old key can stay valid. The API allows at most a week. */
const OVERLAPS = [
  { seconds: 0, label: 'Revoke now' },
  { seconds: 3_600, label: 'Keep valid for 1 hour' },
  { seconds: 86_400, label: 'Keep valid for 1 day' },
  { seconds: 604_800, label: 'Keep valid for 1 week' },
] as const;
const DEFAULT_OVERLAP = 86_400;

interface RotateProps {
  readonly license: License;
  onClose(): void;
}

/** Rotates the key of a license and shows the new one. */
export function RotateDialog({ license, onClose }: RotateProps) {
  const create = useCreate();
  const [overlapSeconds, setOverlapSeconds] = useState<number>(DEFAULT_OVERLAP);
  const [key, setKey] = useState<string>();
  const rotate = useAction(async () => {
    const { license_key } = await create('licensesRotateKey', {
      params: { license_id: license.license_id },
      body: { overlap_seconds: overlapSeconds },
    });
    setKey(license_key);
  });
  if (key !== undefined) return <NewKey licenseKey={key} onClose={onClose} />;
  return (
    <Dialog title="Rotate the license key?" onClose={onClose}>
      <p>Programs need the new key once the old key is no longer valid. Seats in use stay in use.</p>
      <label>
        Old key
        <select
          value={overlapSeconds}
          onChange={({ currentTarget }) => setOverlapSeconds(Number(currentTarget.value))}
        >
          {OVERLAPS.map(({ seconds, label }) => (
            <option key={seconds} value={seconds}>
              {label}
            </option>
          ))}
        </select>
      </label>
      {rotate.problem && <Alert problem={rotate.problem} />}
      <div class="buttons">
        <Button onClick={onClose}>Cancel</Button>
        <Button kind="danger" busy={rotate.isBusy} onClick={rotate.run}>
          Rotate key
        </Button>
      </div>
    </Dialog>
  );
}
