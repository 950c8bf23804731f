import { useConsole } from '../console.ts';
import { Alert } from '../ui/alert.tsx';
import { Button } from '../ui/button.tsx';
import { useAction } from '../ui/use-action.ts';
import { openPaymentPage } from './payment-page.ts';

interface PortalProps {
  readonly tenantId: string;
  /** Whether there is an invoice to pay. */
  readonly isDue?: boolean;
}

/** Opens the page of the payment provider: invoices and cards are stored only there. */
export function PortalButton({ tenantId, isDue = false }: PortalProps) {
  const { call } = useConsole();
  const open = useAction(async () => {
    const { portal_url } = await call('checkoutPortal', { body: { tenant_id: tenantId } });
    await openPaymentPage(portal_url);
  });
  return (
    <>
      <div class="buttons">
        <Button kind={isDue ? 'primary' : 'plain'} busy={open.isBusy} onClick={open.run}>
          {isDue ? 'Pay in the billing portal' : 'Billing portal: invoices and cards'}
        </Button>
      </div>
      {open.problem && <Alert problem={open.problem} />}
    </>
  );
}
