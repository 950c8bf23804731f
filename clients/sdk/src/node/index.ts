/** The entry `seatlease/node`: what only Node has. */

export type { DeviceCode } from './device.ts';
export { type NodePlatformOptions, nodePlatform } from './platform.ts';
export { type SignIn, type SignInOptions, signIn, storedSignIn } from './sign-in.ts';
export type { Membership } from './sign-in-store.ts';
