interface NumberFieldProps {
  readonly label: string;
  readonly min: number;
  readonly max?: number | undefined;
  readonly value: number;
  onChange(value: number): void;
}

export function NumberField({ label, min, max, value, onChange }: NumberFieldProps) {
  return (
    <label>
      {label}
      <input
        type="number"
        required
        min={min}
        max={max}
        value={value}
        onInput={({ currentTarget }) => onChange(currentTarget.valueAsNumber)}
      />
    </label>
  );
}
