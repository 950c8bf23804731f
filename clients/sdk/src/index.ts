/** What every entry gives, wherever it runs. */
export { type ErrorCode, type OwnCode, SeatleaseError } from './errors.ts';
export type { LostReason, Off, SeatEvents, SeatleaseEvents } from './events.ts';
export type { AccessTokens, AcquireOptions, PublicKeys, SeatleaseOptions } from './options.ts';
export type { Platform } from './platform.ts';
export type { Seat, SeatState } from './seat.ts';
