/** The entry `seatlease/node`: what only Node has. */
export { type NodePlatformOptions, nodePlatform } from './platform.ts';
export { type Membership, type SignIn, type SignInOptions, signIn, storedSignIn } from './sign-in.ts';
