/** Time window, first id and limit of the queries of past orders, lists and trades. */
import type { Call } from './endpoint.ts';
import { VenueRefusal } from './refusal.ts';

const dayMs = 86_400_000;

/** Windows of time queries are at most 24 hours long, as on the venue. */
export function historyQuery({ parameters }: Call, idName: string): { from: number; to: number; limit: number; fromId: bigint | null } {
  const start = parameters.integer('startTime', { min: 0 });
  const end = parameters.integer('endTime', { min: 0 });
  if (start !== undefined && end !== undefined && end - start > dayMs)
    throw new VenueRefusal(400, -1127, 'More than 24 hours between startTime and endTime.');
  const fromId = parameters.bigint(idName) ?? null;
  return {
    from: start ?? (end === undefined ? 0 : end - dayMs),
    to: end ?? (start === undefined ? Number.MAX_SAFE_INTEGER : start + dayMs),
    limit: parameters.integer('limit', { min: 1, max: 1_000 }) ?? 500,
    fromId,
  };
}
