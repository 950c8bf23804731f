/** What keeps a command from being done and is no fault of the program: its message is shown without a stack. */
export class CommandError extends Error {
  override readonly name: string = 'CommandError';
}

/** The command was called wrongly: its usage is shown after the message. */
export class UsageError extends CommandError {
  override readonly name = 'UsageError';
}
