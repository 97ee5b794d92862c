/**
 * The prices inside a candle, made up but fixed: the same candle and seed give the same path. It begins at the open,
 * visits one extreme and then the other (which one first is up to the seed), and ends at the close.
 */
import type { Candle } from '../trading/candle.ts';

/** Prices of the path, extremes included, at most `stepsMax` (at least 4). Never outside the candle's range. */
export function candlePath(
  candle: Pick<Candle, 'openTime' | 'open' | 'high' | 'low' | 'close'>,
  seed: number,
  stepsMax: number,
): readonly number[] {
  const { open, high, low, close } = candle;
  if (high === low) return [open];
  const hash = mix(seed, candle.openTime);
  const corners = (hash & 1) === 0 ? [open, low, high, close] : [open, high, low, close];
  const perLeg = Math.max(1, Math.floor((stepsMax - 1) / 3));
  const path = [open];
  for (let leg = 0; leg < 3; leg += 1) {
    const from = corners[leg] ?? open;
    const to = corners[leg + 1] ?? close;
    for (let step = 1; step <= perLeg; step += 1) {
      const jitter = step === perLeg ? 0 : ((mix(hash, leg * 64 + step) % 1_000) / 1_000 - 0.5) / perLeg;
      const price = step === perLeg ? to : from + (to - from) * (step / perLeg + jitter);
      path.push(Math.min(high, Math.max(low, price)));
    }
  }
  return path;
}

/** A small integer hash (xorshift-multiply); 32 bits, never negative. */
export function mix(a: number, b: number): number {
  let h = (Math.imul(a | 0, 0x9e3779b1) ^ Math.imul(b | 0, 0x85ebca6b) ^ Math.imul(Math.floor(b / 2 ** 32) | 0, 0xc2b2ae35)) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return (h ^ (h >>> 16)) >>> 0;
}
