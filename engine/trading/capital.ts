/** What entries of several bots take from one account: how much one reserves, and why the account cannot bear another. */
import { Decimal } from 'decimal.js';
import { amountText } from './amounts.ts';
import type { AccountRule } from './events.ts';
import { exact } from './exact.ts';
import { marketReserveShare } from './sizing.ts';

/** Quote that an entry takes from its account at most. */
export interface Reservation {
  readonly asset: string;
  readonly amount: Decimal;
}

export interface AccountRefusal {
  readonly rule: AccountRule;
  readonly reason: string;
}

/** The two numbers that a rule compared, quote. A bound of null: nobody knows what the account has. */
export interface Compared {
  readonly amount: Decimal;
  readonly bound: Decimal | null;
}

/** A balance that was asked for longer ago than this is not known any more: entries wait for the next reading. */
export const balanceMaxAgeMs = 120_000;

/**
 * What a market entry may cost: its value and a margin for fees and for the price moving until the fill. Sizing leaves the same margin out
 * of an entry, so the entry of a bot that has the whole account to itself always fits.
 */
export function entryReservation(quantity: Decimal, referencePrice: number, asset: string): Reservation {
  const cost = exact(quantity).times(referencePrice);
  return { asset, amount: cost.div(exact(1).minus(marketReserveShare)).toDecimalPlaces(8, Decimal.ROUND_DOWN) };
}

export function refusedBy(rule: AccountRule, { amount, bound }: Compared, of: { account: string; asset: string }): AccountRefusal {
  const quote = (value: Decimal): string => amountText(value, of.asset);
  const account = `the account ${of.account}`;
  switch (rule) {
    case 'account-capital':
      return {
        rule,
        reason:
          bound === null
            ? `no entry: it needs ${quote(amount)}, and what ${account} has is not known: its balance was not read within the last ${balanceMaxAgeMs / 1_000} s`
            : `no entry: it needs ${quote(amount)} with the reserve for price and fees, and of ${account} ${quote(bound)} remain beside what other entries have reserved`,
      };
    case 'account-exposure':
      return {
        rule,
        reason: `no entry: the bots of ${account} would have ${quote(amount)} in positions and entries, and its max_exposure is ${quote(bound ?? amount)}`,
      };
    case 'account-loss':
      return {
        rule,
        reason: `no entry until the next UTC midnight: the day's loss of the bots of ${account} reached its max_daily_loss of ${quote(bound ?? amount)} (it is ${quote(amount)} now)`,
      };
    default:
      return rule satisfies never;
  }
}
