/** The name that a function's bundle exports it by, which deployed functions are started by. */
export function entryPointOf(name: string): string {
  return name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** What a function, its Cloud Run service and its service account are called in the cloud. */
export function deployedName(functionName: string): string {
  return `seatlease-${functionName}`;
}
