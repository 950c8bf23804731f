interface NumberFieldProps {
  readonly label: string;
  readonly min: number;
  readonly value: number;
  onChange(value: number): void;
}

export function NumberField({ label, min, value, onChange }: NumberFieldProps) {
  return (
    <label>
      {label}
      <input
        type="number"
        required
        min={min}
        value={value}
        onInput={({ currentTarget }) => onChange(currentTarget.valueAsNumber)}
      />
    </label>
  );
}
