/** What keeps a command from being done and is no fault of this program: an operator is told it as it is, without a stack. */
export class Trouble extends Error {
  override readonly name = 'Trouble';
}
