/** An account that the local sign-in page offers. */
export interface LocalAccount {
  readonly email: string;
  readonly name: string;
  /** Google Workspace domain; absent for a private account. */
  readonly hostedDomain?: string | undefined;
}

export const SAMPLE_ACCOUNTS: readonly LocalAccount[] = [
  { email: 'ada@example.com', name: 'Ada Lovelace', hostedDomain: 'example.com' },
  { email: 'grace@example.com', name: 'Grace Hopper', hostedDomain: 'example.com' },
  { email: 'linus@gmail.example', name: 'Linus Pauling' },
  { email: 'olga@operator.example', name: 'Olga Operator', hostedDomain: 'operator.example' },
];
