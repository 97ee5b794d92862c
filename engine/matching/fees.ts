/**
 * What an execution costs. The commission comes off the received asset, or, where the account pays in a fee asset,
 * off that one while its free balance covers the whole commission; cut to 8 decimals.
 */
import type { Decimal } from 'decimal.js';
import { type Wallet, freeOf } from './balances.ts';
import { exact, floorAmount } from './exact.ts';
import type { FeeSchedule } from './matching.ts';

export interface Commission {
  readonly amount: Decimal;
  readonly asset: string;
}

/** `received` is what the execution credits, `quoteQuantity` its worth in quote. Asked after the credit is booked. */
export function commissionOf(
  schedule: FeeSchedule,
  isMaker: boolean,
  received: Commission,
  quoteQuantity: Decimal,
  wallet: Wallet,
): Commission {
  const rate = isMaker ? schedule.maker : schedule.taker;
  const feeAsset = schedule.asset;
  if (feeAsset !== 'received') {
    // `discount` is the fraction taken off: 0.25 charges three quarters.
    const inQuote = exact(quoteQuantity).times(rate).times(exact(feeAsset.discount).neg().plus(1));
    const amount = floorAmount(inQuote.div(feeAsset.priceInQuote));
    if (freeOf(wallet, feeAsset.name).gte(amount)) return { amount, asset: feeAsset.name };
  }
  return { amount: floorAmount(exact(received.amount).times(rate)), asset: received.asset };
}
