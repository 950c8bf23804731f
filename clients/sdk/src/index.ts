/** Exports of every entry. */
export { type ErrorCode, type OwnCode, SeatleaseError } from './errors.ts';
export type { EventSource, Listener, Off } from './events.ts';
export type { AccessTokens, AcquireOptions, PublicKeys, SeatleaseOptions } from './options.ts';
export type { Platform } from './platform.ts';
export type { LostReason, Seat, SeatEvents, SeatleaseEvents, SeatState } from './seat.ts';
