import { useState } from 'preact/hooks';
import { periodOf } from '../days.ts';
import { Alert, Notice } from '../ui/alert.tsx';
import { Button } from '../ui/button.tsx';
import { DaysFields } from '../ui/days-fields.tsx';
import { useAction } from '../ui/use-action.ts';
import { fileNameOf, saveAsFile } from './download.ts';

type Period = ReturnType<typeof periodOf>;

interface ExportProps {
  /** What the file is named after. */
  readonly of: string;
  readonly verb: string;
  /** Begins with the verb. */
  readonly label?: string;
  ask(period: Period): Promise<{ readonly exported_at: string; readonly complete: boolean }>;
}

/** Downloads all that is kept; for shorter periods where it is more than a file holds. */
export function ExportForm({ of, verb, label, ask }: ExportProps) {
  const [days, setDays] = useState({ first: '', last: '' });
  const [isCut, setCut] = useState<boolean>();
  const save = useAction(async () => {
    setCut(undefined);
    const found = await ask(periodOf(days));
    saveAsFile(fileNameOf(of, found.exported_at), found);
    setCut(!found.complete);
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void save.run();
      }}
    >
      {isCut && (
        <>
          <Notice tone="warn">
            <p>
              There is more than one file holds. Choose shorter periods, and download one after the other.
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
        <p class="told" role="status">
          {isCut === false && 'Downloaded: all that there is.'}
        </p>
      </div>
    </form>
  );
}
