/** The name that a bundle exports its function under: the entry point of the deployed function. */
export function entryPointOf(name: string): string {
  return name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** The name of a function, its Cloud Run service and its service account in Google Cloud. */
export function deployedName(functionName: string): string {
  return `seatlease-${functionName}`;
}
