/**
 * What an answer of Binance means. For an order the only question is whether the answer proves that nothing was placed; if not, its
 * outcome is unknown and is looked up.
 */
import { askedSilenceMs } from '../asked-silence.ts';
import type { ExchangeErrorClass, Refusal } from '../exchange.ts';

/** An answer as it came; its body is not checked yet. */
export interface RawAnswer {
  /** 0 when no answer came. */
  readonly status: number;
  readonly body: unknown;
  readonly retryAfterSeconds: number | null;
  /** The venue's time when it came. */
  readonly receivedAtVenueMs: number;
}

const classByCode: Readonly<Record<number, ExchangeErrorClass>> = {
  [-1000]: 'server',
  [-1001]: 'server',
  [-1006]: 'server',
  [-1007]: 'server',
  [-1008]: 'overloaded',
  [-1016]: 'server',
  [-1003]: 'rate-limited',
  [-1015]: 'rate-limited',
  [-1034]: 'rate-limited',
  [-1002]: 'authentication',
  [-1022]: 'authentication',
  [-2014]: 'authentication',
  [-2015]: 'authentication',
  [-2017]: 'authentication',
  [-1021]: 'clock',
  [-1111]: 'filter',
  [-2013]: 'not-found',
  [-2018]: 'insufficient-balance',
  [-2026]: 'not-found',
};

/**
 * Codes that say only who refused: the request's check (-1013) or the matching engine (-1010; -2010 of orders, -2011 of cancels). The
 * text tells why, and the same text means the same under each of them. Beside each: what it is when the text is not known.
 */
const wordedCodes: ReadonlyMap<number, ExchangeErrorClass> = new Map([
  [-1010, 'other'],
  [-1013, 'filter'],
  [-2010, 'other'],
  [-2011, 'other'],
]);

/** In lower case; the first that the text contains counts. */
const classByWords: readonly (readonly [string, ExchangeErrorClass])[] = [
  ['duplicate order', 'duplicate-order'],
  ['insufficient balance', 'insufficient-balance'],
  ['unknown order', 'not-found'],
  ['market is closed', 'symbol-closed'],
  ['filter failure', 'filter'],
  ['disabled on this account', 'authentication'],
  ['account may not place', 'authentication'],
  ['for this account', 'authentication'],
  ['trading is not enabled', 'authentication'],
];

/** Codes whose outcome is not known, whatever the HTTP status. */
const unknownCodes = new Set([-1000, -1001, -1006, -1007]);

export function refusalOf({ status, body, retryAfterSeconds, receivedAtVenueMs }: RawAnswer): Refusal {
  const { code, message } = readError(body);
  // The time after "banned until" stands in a text and may be missing; when there are two times, the longer counts.
  const bannedUntil = /banned until (\d{13})\b/.exec(message)?.[1];
  const waits = [retryAfterSeconds, bannedUntil === undefined ? null : (Number(bannedUntil) - receivedAtVenueMs) / 1_000]
    .map(askedSilenceMs)
    .filter((waitMs) => waitMs !== null);
  return {
    httpStatus: status,
    code,
    message,
    class: classify(status, code, message),
    ...(waits.length === 0 ? {} : { retryAfterMs: Math.max(...waits) }),
  };
}

/** No answer came, or the connection broke: nothing is known. */
export function networkRefusal(error: unknown): Refusal {
  return { httpStatus: 0, code: null, message: error instanceof Error ? error.message : String(error), class: 'network' };
}

/**
 * True when the answer to a new order proves that it was not accepted: a 4xx with a code of Binance's own that is not one
 * of "may or may not have happened". A duplicate client id proves the opposite (an earlier attempt lives).
 */
export function provesNotPlaced(refusal: Refusal): boolean {
  if (refusal.httpStatus === 418 || refusal.httpStatus === 429) return true;
  if (refusal.httpStatus < 400 || refusal.httpStatus >= 500 || refusal.httpStatus === 408 || refusal.httpStatus === 403) return false;
  return refusal.code !== null && !unknownCodes.has(refusal.code) && refusal.class !== 'duplicate-order';
}

function classify(status: number, code: number | null, message: string): ExchangeErrorClass {
  if (status === 418) return 'banned';
  const known = code === null ? undefined : (classByCode[code] ?? classOfWords(code, message));
  if (known !== undefined) return known;
  if (status === 429) return 'rate-limited';
  if (status >= 500 || status === 408) return 'server';
  if (status === 401 || status === 403) return 'authentication';
  if (status >= 400) return code === null ? 'malformed-answer' : code <= -1100 && code > -1200 ? 'bad-request' : 'other';
  return 'malformed-answer';
}

/**
 * A cancel that is refused for another reason than an unknown order does not prove that the order is gone. Undefined for codes whose
 * meaning does not depend on the text.
 */
function classOfWords(code: number, message: string): ExchangeErrorClass | undefined {
  const unworded = wordedCodes.get(code);
  if (unworded === undefined) return undefined;
  const text = message.toLowerCase();
  return classByWords.find(([words]) => text.includes(words))?.[1] ?? unworded;
}

const messageMax = 500;

function readError(body: unknown): { code: number | null; message: string } {
  if (typeof body === 'object' && body !== null) {
    const { code, msg } = body as { code?: unknown; msg?: unknown };
    if (typeof code === 'number') return { code, message: typeof msg === 'string' ? msg.slice(0, messageMax) : '' };
  }
  return { code: null, message: typeof body === 'string' ? `unexpected answer: ${body.slice(0, 200)}` : 'unexpected answer' };
}
