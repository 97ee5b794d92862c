/**
 * Client order ids: `ek<installation>-<bot>-<decision><role>-<attempt>`, at most 36 characters of [A-Za-z0-9_-].
 * Deterministic and never used twice: Binance's uniqueness covers open orders only, so a repeated id could buy twice.
 * The prefix marks our orders; whatever does not parse is foreign and never touched.
 */
import type { OrderRole } from '../trading/events.ts';

export interface ClientOrderIdParts {
  /** Four characters that tell installations on one account apart. */
  readonly installation: string;
  readonly botId: string;
  readonly decisionMs: number;
  readonly role: OrderRole;
  /** Counts from 1 within a decision and role. */
  readonly attempt: number;
}

const letters: Readonly<Record<OrderRole, string>> = { entry: 'e', exit: 'x', stop: 's', target: 't' };
const rolesByLetter = new Map(Object.entries(letters).map(([role, letter]) => [letter, role as OrderRole]));
const shape = /^ek([0-9a-z]{4})-([0-9a-z]+)-([0-9a-z]+)([exst])-([0-9a-z]+)$/;

/** Our ids of one installation start like this. */
export function clientOrderIdPrefix(installation: string): string {
  return `ek${installation}-`;
}

export function formatClientOrderId(parts: ClientOrderIdParts): string {
  const bot = BigInt(parts.botId).toString(36);
  // The role letter stands behind a base-36 number that may end in the same letter: it is always the last character.
  return `${clientOrderIdPrefix(parts.installation)}${bot}-${parts.decisionMs.toString(36)}${letters[parts.role]}-${parts.attempt.toString(36)}`;
}

/** A number of so many base-36 digits is below 2^53. */
const safeDigits = 10;

/** Null for every id that is not ours. */
export function parseClientOrderId(id: string): ClientOrderIdParts | null {
  const match = shape.exec(id);
  if (match === null) return null;
  const [, installation = '', bot = '', decision = '', letter = '', attempt = ''] = match;
  return {
    installation,
    botId: bot.length <= safeDigits ? String(Number.parseInt(bot, 36)) : fromBase36(bot).toString(),
    decisionMs: Number.parseInt(decision, 36),
    role: rolesByLetter.get(letter) ?? 'exit',
    attempt: Number.parseInt(attempt, 36),
  };
}

function fromBase36(text: string): bigint {
  let value = 0n;
  for (const character of text) value = value * 36n + BigInt(Number.parseInt(character, 36));
  return value;
}
