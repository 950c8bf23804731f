/** An expected failure of a command: its message is shown without a stack. */
export class CommandError extends Error {
  override readonly name: string = 'CommandError';
}

/** Wrong usage: the usage is shown after the message. */
export class UsageError extends CommandError {
  override readonly name = 'UsageError';
}
