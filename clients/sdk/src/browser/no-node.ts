// The entry `seatlease/node` for browsers. It exports nothing: a bundler reports each import, and so does TypeScript with the
// condition "browser". Some bundlers ignore the `null` of an entry that does not exist, and take the one for Node.
export {};
