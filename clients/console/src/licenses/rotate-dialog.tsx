import { useState } from 'preact/hooks';
import type { License } from '../../../sdk/src/api.ts';
import { useConsole } from '../console.ts';
import { Alert } from '../ui/alert.tsx';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { useAction } from '../ui/use-action.ts';
import { NewKey } from './new-key.tsx';

/** How long the old key may go on, in seconds; the server allows a week. */
const OVERLAPS = [
  { seconds: 0, words: 'it ends now' },
  { seconds: 3_600, words: 'an hour' },
  { seconds: 86_400, words: 'a day' },
  { seconds: 604_800, words: 'a week' },
] as const;
const USUAL_OVERLAP = 86_400;

interface RotateProps {
  readonly license: License;
  onClose(): void;
}

/** Gives a license a new key, and shows it: this once, as nobody can read it again. */
export function RotateDialog({ license, onClose }: RotateProps) {
  const { call } = useConsole();
  const [overlapSeconds, setOverlapSeconds] = useState<number>(USUAL_OVERLAP);
  const [key, setKey] = useState<string>();
  const rotate = useAction(async () => {
    const { license_key } = await call('licensesRotateKey', {
      params: { license_id: license.license_id },
      body: { overlap_seconds: overlapSeconds },
    });
    setKey(license_key);
  });
  if (key !== undefined) return <NewKey licenseKey={key} onClose={onClose} />;
  return (
    <Dialog title="A new key for this license?" onClose={onClose}>
      <p>Programs need the new key once the old one ends. Seats that are taken stay taken.</p>
      <label>
        The old key goes on for
        <select
          value={overlapSeconds}
          onChange={({ currentTarget }) => setOverlapSeconds(Number(currentTarget.value))}
        >
          {OVERLAPS.map(({ seconds, words }) => (
            <option key={seconds} value={seconds}>
              {words}
            </option>
          ))}
        </select>
      </label>
      {rotate.problem && <Alert problem={rotate.problem} />}
      <div class="buttons">
        <Button onClick={onClose}>Cancel</Button>
        <Button kind="danger" busy={rotate.isBusy} onClick={rotate.run}>
          Make a new key
        </Button>
      </div>
    </Dialog>
  );
}
