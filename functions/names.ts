/** The entry point of a deployed function: the name under which its bundle exports it. */
export function entryPointOf(name: string): string {
  return name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** The name of a function, its Cloud Run service and its service account in Google Cloud. */
export function deployedName(functionName: string): string {
  return `seatlease-${functionName}`;
}
