/**
 * One account's free and locked amounts per asset. Every movement marks its asset as touched, so that the balances
 * event of an action lists just the assets that may have changed; a movement that would make an amount negative is a
 * bug of the caller and throws.
 */
import type { Decimal } from 'decimal.js';
import { exact, smallest, zero } from './exact.ts';
import type { BookBalance } from './matching.ts';

interface Amounts {
  free: Decimal;
  locked: Decimal;
}

export interface Wallet {
  readonly amounts: Map<string, Amounts>;
  readonly touched: Set<string>;
}

/** What an order (or the two legs of a list together) keeps locked. */
export interface Reserve {
  readonly asset: string;
  amount: Decimal;
}

export function createWallet(): Wallet {
  return { amounts: new Map(), touched: new Set() };
}

export function freeOf(wallet: Wallet, asset: string): Decimal {
  return wallet.amounts.get(asset)?.free ?? zero;
}

export function heldOf(wallet: Wallet, asset: string): Decimal {
  const amounts = wallet.amounts.get(asset);
  return amounts === undefined ? zero : amounts.free.plus(amounts.locked);
}

/** Adds to free; a negative amount takes out of it. */
export function credit(wallet: Wallet, asset: string, amount: Decimal): void {
  move(wallet, asset, exact(amount), zero);
}

export function lock(wallet: Wallet, reserve: Reserve, amount: Decimal): void {
  move(wallet, reserve.asset, amount.neg(), amount);
  reserve.amount = reserve.amount.plus(amount);
}

/** Gives back what the reserve holds above `needed`. */
export function shrink(wallet: Wallet, reserve: Reserve, needed: Decimal): void {
  if (reserve.amount.lte(needed)) return;
  const released = reserve.amount.minus(needed);
  move(wallet, reserve.asset, released, released.neg());
  reserve.amount = exact(needed);
}

/** Pays out of the reserve and, where a stop bought above its own price, the rest out of free. */
export function pay(wallet: Wallet, reserve: Reserve, amount: Decimal): void {
  const fromReserve = smallest(reserve.amount, amount);
  move(wallet, reserve.asset, fromReserve.minus(amount), fromReserve.neg());
  reserve.amount = reserve.amount.minus(fromReserve);
}

export function snapshotBalance(wallet: Wallet, asset: string): BookBalance {
  const amounts = wallet.amounts.get(asset);
  return { asset, free: amounts?.free ?? zero, locked: amounts?.locked ?? zero };
}

function move(wallet: Wallet, asset: string, free: Decimal, locked: Decimal): void {
  let amounts = wallet.amounts.get(asset);
  if (amounts === undefined) {
    amounts = { free: zero, locked: zero };
    wallet.amounts.set(asset, amounts);
  }
  const nextFree = amounts.free.plus(free);
  const nextLocked = amounts.locked.plus(locked);
  if (nextFree.isNegative() && !nextFree.isZero()) throw new RangeError(`Free ${asset} would become ${nextFree.toFixed()}`);
  if (nextLocked.isNegative() && !nextLocked.isZero()) throw new RangeError(`Locked ${asset} would become ${nextLocked.toFixed()}`);
  amounts.free = nextFree;
  amounts.locked = nextLocked;
  wallet.touched.add(asset);
}
