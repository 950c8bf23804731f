import { useState } from 'preact/hooks';
import { periodOf } from '../days.ts';
import { Alert, Notice } from '../ui/alert.tsx';
import { Button } from '../ui/button.tsx';
import { DaysFields } from '../ui/days-fields.tsx';
import { useAction } from '../ui/use-action.ts';
import { fileNameOf, saveAsFile } from './download.ts';

type Period = ReturnType<typeof periodOf>;

interface ExportProps {
  /** The id that the file is named after. */
  readonly of: string;
  readonly verb: string;
  /** Must begin with the verb. */
  readonly label?: string;
  read(period: Period): Promise<{ readonly exported_at: string; readonly complete: boolean }>;
}

/** Downloads all stored data. If it exceeds one file, offers to download shorter periods. */
export function ExportForm({ of, verb, label, read }: ExportProps) {
  const [days, setDays] = useState({ first: '', last: '' });
  const [isPartial, setPartial] = useState<boolean>();
  const save = useAction(async () => {
    setPartial(undefined);
    const found = await read(periodOf(days));
    saveAsFile(fileNameOf(of, found.exported_at), found);
    setPartial(!found.complete);
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void save.run();
      }}
    >
      {isPartial && (
        <>
          <Notice tone="warn">
            <p>
              The data exceeds the limit of one file, so this file is incomplete. Choose shorter periods and
              download each.
            </p>
          </Notice>
          <div class="row-form">
            <DaysFields days={days} onChange={setDays} />
          </div>
        </>
      )}
      {save.problem && <Alert problem={save.problem} />}
      <div class="buttons">
        <Button type="submit" busy={save.isBusy} {...(label !== undefined && { label })}>
          {verb}
        </Button>
        <p class="result" role="status">
          {isPartial === false && 'Downloaded. The file is complete.'}
        </p>
      </div>
    </form>
  );
}
