import { Alert } from '../ui/alert.tsx';
import { Button } from '../ui/button.tsx';
import { useAction } from '../ui/use-action.ts';
import { downloadJson } from './download.ts';

interface ExportProps {
  readonly fileName: string;
  /** Of what, for those who do not see where the button stands. */
  readonly label: string;
  read(): Promise<unknown>;
}

export function ExportButton({ fileName, label, read }: ExportProps) {
  const exporting = useAction(async () => downloadJson(fileName, await read()));
  return (
    <>
      <Button label={label} busy={exporting.isBusy} onClick={exporting.run}>
        Download
      </Button>
      {exporting.problem && <Alert problem={exporting.problem} />}
    </>
  );
}
