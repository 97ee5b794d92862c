/**
 * The messages by which replicas share their budgets over Redis, and their schema. Anybody who can write to Redis can send one: a message
 * that does not fit the schema, or claims what no venue could impose, is ignored.
 */
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { Check } from 'typebox/schema';

/** The longest ban of Binance is three days: no silence is longer. */
export const silenceMsMax = 3 * 24 * 3_600_000;
/** Far above what an engine writes. */
const newsCharsMax = 8_192;
const reasonCharsMax = 300;

const name = Type.String({ minLength: 1, maxLength: 200 });
const count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

const silenceNews = Type.Object({
  kind: Type.Literal('silence'),
  from: name,
  venue: name,
  leftMs: Type.Number({ exclusiveMinimum: 0, maximum: silenceMsMax }),
  reason: Type.String(),
});

const ordersNews = Type.Object({
  kind: Type.Literal('orders'),
  from: name,
  venue: name,
  account: name,
  orders: Type.Object({
    inFlight: count,
    /** Per window: its length, its number since the epoch, what the venue counted in it, and when it said so (venue time). */
    windows: Type.Array(Type.Tuple([count, count, count, Type.Number({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })]), { maxItems: 16 }),
    pause: Type.Union([Type.Null(), Type.Object({ windowMs: count, untilVenueMs: Type.Number({ minimum: 0 }) })]),
  }),
});

export type SilenceNews = Static<typeof silenceNews>;
export type OrdersNews = Static<typeof ordersNews>;

/** Null for anything else than a valid message. Never throws. */
export function readNews(text: unknown): SilenceNews | OrdersNews | null {
  if (typeof text !== 'string' || text.length > newsCharsMax) return null;
  let news: unknown;
  try {
    news = JSON.parse(text);
  } catch {
    return null; // not JSON: ignored like every other invalid message
  }
  return Check(silenceNews, news) || Check(ordersNews, news) ? news : null;
}

/** A pause that is noted in Redis: what is left of it, and why. Null for one that no venue could impose. */
export function readSilence(leftMs: unknown, reason: unknown): Pick<SilenceNews, 'leftMs' | 'reason'> | null {
  if (typeof leftMs !== 'number' || !(leftMs > 0) || leftMs > silenceMsMax || typeof reason !== 'string') return null;
  return { leftMs, reason: shortened(reason) };
}

export function shortened(reason: string): string {
  return reason.slice(0, reasonCharsMax);
}
