import type { BookRefusal } from '../engine/matching/matching.ts';

/** A request that the venue refuses: HTTP status, code and text as Binance gives them. */
export class VenueRefusal extends Error {
  readonly status: number;
  readonly code: number;
  /** Further members of the answer (cancelReplace, retryAfter). */
  readonly data: unknown;
  readonly retryAfterSeconds: number | null;

  constructor(status: number, code: number, message: string, extra: { data?: unknown; retryAfterSeconds?: number } = {}) {
    super(message);
    this.name = 'VenueRefusal';
    this.status = status;
    this.code = code;
    this.data = extra.data;
    this.retryAfterSeconds = extra.retryAfterSeconds ?? null;
  }
}

export function refuse({ code, message }: BookRefusal): VenueRefusal {
  return new VenueRefusal(400, code, message);
}
