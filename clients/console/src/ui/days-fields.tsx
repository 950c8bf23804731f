import type { Days } from '../days.ts';

interface DaysProps {
  readonly days: Days;
  onChange(days: Days): void;
}

export function DaysFields({ days, onChange }: DaysProps) {
  return (
    <>
      <label>
        From
        <input
          type="date"
          value={days.first}
          max={days.last || undefined}
          onInput={({ currentTarget }) => onChange({ ...days, first: currentTarget.value })}
        />
      </label>
      <label>
        To
        <input
          type="date"
          value={days.last}
          min={days.first || undefined}
          onInput={({ currentTarget }) => onChange({ ...days, last: currentTarget.value })}
        />
      </label>
    </>
  );
}
