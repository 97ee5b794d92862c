import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import { ExchangeError } from '../../../engine/exchanges/exchange.ts';
import type { ExchangeErrorClass, KeyRights } from '../../../engine/exchanges/exchange.ts';
import { KeyCheck, keyRefusal } from '../../../engine/accounts/key-check.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const restrictions = {
  ...{ reads: true, tradesSpot: true, withdraws: false, transfers: false, boundToAddresses: true },
  otherMarkets: [] as readonly string[],
};
const good: KeyRights = { canTrade: true, spot: true, restrictions };
const refused = (how: ExchangeErrorClass): ExchangeError =>
  new ExchangeError('account', { httpStatus: 401, code: -2015, message: 'Invalid API-key', class: how });

describe('a key', () => {
  it.each([
    ['that may trade', {}, null],
    ['at a venue that does not tell more', { restrictions: null }, null],
    ['of an account that may not trade', { canTrade: false }, 'canTrade'],
    ['without spot', { spot: false }, 'SPOT'],
    ['that may not read', { restrictions: { ...restrictions, reads: false } }, 'Reading'],
    ['that may not trade', { restrictions: { ...restrictions, tradesSpot: false } }, 'Spot & Margin Trading'],
    ['that may withdraw', { restrictions: { ...restrictions, withdraws: true } }, 'withdraw'],
    ['that may transfer', { restrictions: { ...restrictions, transfers: true } }, 'Transfer'],
    ['that may trade futures', { restrictions: { ...restrictions, otherMarkets: ['enableFutures'] } }, 'enableFutures'],
    ['that works from anywhere', { restrictions: { ...restrictions, boundToAddresses: false } }, null],
  ])('%s', (_, change, says) => {
    const refusal = keyRefusal({ ...good, ...change });
    if (says === null) expect(refusal).toBeNull();
    else expect(refusal).toContain(says);
  });
});

describe('the check of a key', () => {
  let clock: FakeClock;
  let answer: () => Promise<KeyRights>;
  let asked: number;
  let warnings: string[];
  let check: KeyCheck;

  beforeEach(() => {
    clock = new FakeClock();
    asked = 0;
    warnings = [];
    answer = async () => good;
    check = new KeyCheck({
      read: () => {
        asked += 1;
        return answer();
      },
      clock,
      log: pino({ level: 'warn' }, { write: (line: string) => void warnings.push(line) }),
    });
  });

  it('stands before the first answer, passes with it, and is made again every hour', async () => {
    expect(check.refusal).toContain('not been verified');
    await check.start();
    expect(check.refusal).toBeNull();
    await clock.advance(3_600_000);
    expect(asked).toBe(2);
  });

  it('does not keep an engine waiting for an exchange that does not answer, and is made again', async () => {
    answer = () => Promise.reject(refused('network'));
    await check.start();
    expect(check.refusal).toContain('could not be verified');
    answer = async () => good;
    await clock.advance(5_000);
    expect(check.refusal).toBeNull();
    const silent = new KeyCheck({ read: () => new Promise(() => undefined), clock, log: pino({ level: 'silent' }) });
    let started = false;
    void silent.start().then(() => (started = true));
    await clock.advance(5_000);
    expect([started, silent.refusal]).toEqual([true, 'the exchange key has not been verified yet']);
  });

  it('takes a verified key back when the exchange refuses it, and not when it is away', async () => {
    await check.start();
    answer = () => Promise.reject(refused('server'));
    await clock.advance(3_600_000);
    expect(check.refusal).toBeNull();
    answer = () => Promise.reject(refused('authentication'));
    await clock.advance(5_000);
    expect(check.refusal).toContain('refuses the key');
    answer = async () => good;
    await clock.advance(60_000);
    expect(check.refusal).toBeNull();
  });

  it('is made after a request that was refused for want of authority, however many, once in ten seconds', async () => {
    await check.start();
    answer = async () => ({ ...good, canTrade: false });
    for (let n = 0; n < 50; n += 1) check.doubt();
    await clock.advance(9_999);
    expect(asked).toBe(1);
    await clock.advance(1);
    expect([asked, check.refusal]).toEqual([2, expect.stringContaining('canTrade')]);
  });

  it('warns once of a key that works from anywhere', async () => {
    answer = async () => ({ ...good, restrictions: { ...restrictions, boundToAddresses: false } });
    await check.start();
    await clock.advance(3_600_000);
    expect(warnings.filter((line) => line.includes('any address'))).toHaveLength(1);
    expect(check.refusal).toBeNull();
  });

  it('ends with the engine', async () => {
    await check.start();
    check.stop();
    await clock.advance(10_000_000);
    expect(asked).toBe(1);
  });
});
