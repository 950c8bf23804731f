import { NewSecret } from '../ui/new-secret.tsx';

/** Shows a new license key. */
export function NewKey({ licenseKey, onClose }: { readonly licenseKey: string; onClose(): void }) {
  return <NewSecret title="New license key" what="key" secret={licenseKey} onClose={onClose} />;
}
