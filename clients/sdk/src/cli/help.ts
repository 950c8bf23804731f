export const COMMANDS = ['run', 'status', 'borrow', 'return', 'login', 'logout'] as const;
export type CommandName = (typeof COMMANDS)[number];

export function isCommand(word: string): word is CommandName {
  return (COMMANDS as readonly string[]).includes(word);
}

interface Option {
  /** Placeholder of its value; a flag has none. */
  readonly value?: string;
  readonly about: string;
  /** The commands that have it. */
  readonly of: readonly CommandName[];
}

const OF_A_SEAT: readonly CommandName[] = ['run', 'status', 'borrow', 'return'];

const TABLE = {
  wait: {
    value: 'SECONDS',
    about: 'wait for a seat, at most so long; without SECONDS, without limit',
    of: ['run'],
  },
  grace: {
    value: 'SECONDS',
    about: 'time between SIGTERM and SIGKILL when the seat is lost (10)',
    of: ['run'],
  },
  days: { value: 'DAYS', about: 'for how long to borrow', of: ['borrow'] },
  url: { value: 'URL', about: 'address of the license server', of: COMMANDS },
  license: { value: 'ID', about: 'license of the seat, for a user who has signed in', of: OF_A_SEAT },
  user: { value: 'ID', about: 'user of the seat, required if the license counts users', of: OF_A_SEAT },
  'process-id': {
    value: 'ID',
    about: 'process of the seat, if the license counts processes (default: generated)',
    of: ['run'],
  },
  fingerprint: {
    value: 'ID',
    about: 'identifies this machine (default: its machine id, hashed)',
    of: OF_A_SEAT,
  },
  'public-keys': {
    value: 'FILE',
    about: "the vendor's public keys, a JWKS or PEMs: without them nothing works offline",
    of: OF_A_SEAT,
  },
  json: { about: 'print for programs: see below', of: COMMANDS },
  help: { about: 'print help', of: COMMANDS },
  version: { about: 'print the version', of: [] },
} satisfies Record<string, Option>;
export type OptionName = keyof typeof TABLE;
export const OPTIONS: Readonly<Record<OptionName, Option>> = TABLE;

const SYNOPSES: Readonly<Record<CommandName, readonly [synopsis: string, about: string]>> = {
  run: ['run [options] -- program [arguments]', 'holds a seat while a program runs'],
  status: ['status', 'shows the server, the machine, and what is stored'],
  borrow: ['borrow --days=DAYS', 'borrows a seat, to use it without the server'],
  return: ['return', 'returns a borrowed seat early'],
  login: ['login', 'lets a user sign in with the browser'],
  logout: ['logout', 'signs the user out'],
};

const DETAILS: Readonly<Record<CommandName, string>> = {
  run: `Signals are forwarded to the program. When the seat is lost, the program gets SIGTERM; also when this
command itself is killed. The command exits with the program's exit code, or with 128 plus the signal
number if a signal ended the program.

With --json, events are printed to standard error, one JSON object a line: waiting, granted, offline,
online, reacquired, grace_at_risk, lost, killed, warning, error.`,
  status: 'Takes no seat and changes nothing. Exits with 69 if the server does not answer.',
  borrow: `The seat needs no heartbeats and stays taken until the loan ends. All programs of the user on this
machine use it. The plan must allow it, and --public-keys or SEATLEASE_PUBLIC_KEYS is required.`,
  return: 'Exits with 0 also if nothing is borrowed.',
  login: `If no browser can be opened, prints a code to enter on another device. The sign-in is stored for
the other commands, which then need SEATLEASE_LICENSE_ID or --license, and no license key.`,
  logout: 'Removes the stored sign-in also if the server does not answer; then it exits with 69.',
};

const ENVIRONMENT = `Environment (options win)
  SEATLEASE_URL           address of the license server, such as https://licenses.example.com
  SEATLEASE_LICENSE_KEY   license key
  SEATLEASE_LICENSE_ID    license of a user who has signed in, instead of a license key
  SEATLEASE_FINGERPRINT, SEATLEASE_PUBLIC_KEYS, SEATLEASE_WAIT
                          like the options; SEATLEASE_WAIT=true waits without limit
  SEATLEASE_STATE_FOLDER  where sign-ins and signed licenses are stored`;

const EXIT_CODES = `Exit codes
  64         wrong usage or settings
  69         the license server cannot be reached, or fails
  75         all seats are taken: retry later
  77         this license, user or machine gets no seat
  126, 127   the program of "run" cannot be started, or was not found
With --json, the other commands print one JSON document, also for an error:
{"error": {"code": …, "message": …}}.`;

function rows(lines: readonly (readonly [string, string])[]): string {
  const width = Math.max(...lines.map(([left]) => left.length)) + 3;
  return lines.map(([left, right]) => `  ${left.padEnd(width)}${right}`).join('\n');
}

export const USAGE = `Holds seats of a floating license.

${rows(COMMANDS.map((name) => [`seatlease ${SYNOPSES[name][0]}`, SYNOPSES[name][1]]))}

"seatlease COMMAND --help" lists the options of a command; "seatlease --version" prints the version.

${ENVIRONMENT}

${EXIT_CODES}
`;

/** The help of a command, or of all of them. */
export function helpOf(word: string | undefined): string {
  if (word === undefined || !isCommand(word)) return USAGE;
  const [synopsis, about] = SYNOPSES[word];
  const options = Object.entries(OPTIONS)
    .filter(([, { of }]) => of.includes(word))
    .map(([name, { value, about }]) => [optionForm(name, value), about] as const);
  return `seatlease ${synopsis}

${about[0]?.toUpperCase()}${about.slice(1)}.

${DETAILS[word]}

Options
${rows(options)}

${ENVIRONMENT}

${EXIT_CODES}
`;
}

function optionForm(name: string, value: string | undefined): string {
  if (name === 'wait') return `--wait[=${value}]`;
  return value === undefined ? `--${name}` : `--${name}=${value}`;
}
