/** A bot that has traded for long is recovered from a checkpoint and the fills after it, and knows what all of its fills add up to. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock as clock } from '../../../engine/time/clock.ts';
import { roundTripsMax } from '../../../engine/trading/round-trips.ts';
import { intent } from '../../integration/persistence/given.ts';
import { MemoryDatabase } from '../../simulation/memory-database.ts';
import { addCrossBot, startMemoryFleet } from '../memory-fleet.ts';
import type { MemoryFleet } from '../memory-fleet.ts';
import { btc, d } from '../trading/given.ts';

const patience = { timeout: 15_000 };
const beyond = 5;
let database: MemoryDatabase;
let engine: MemoryFleet;

const session = () => engine.fleet.supervisor.bot('1')?.session;
const data = () => database.states.get('1')?.data;
const told = (): unknown => {
  const state = session()?.state;
  return JSON.parse(JSON.stringify([state?.position, state?.realisedTotal, state?.roundTrips, state?.baseFeeShare]));
};

async function start(owner: string): Promise<void> {
  engine = await startMemoryFleet({ database, owner, account: null });
  await expect.poll(() => session()?.phase, patience).toBe('flat');
}

/** Round trips of the day before yesterday. */
function tradedBefore(count: number): void {
  const epoch = database.claim('an earlier one', ['1']).get('1') ?? 0;
  const startMs = clock.now() - 2 * 86_400_000;
  for (let index = 0; index < count * 2; index += 1) {
    const [buys, decisionMs] = [index % 2 === 0, Math.floor(startMs + index * 1_000)];
    const clientOrderId = `ektest-1-${index}`;
    const [role, side] = buys ? (['entry', 'BUY'] as const) : (['exit', 'SELL'] as const);
    const order = { ...intent('1'), account: 'paper-1', epoch, clientOrderId, role, side, decisionMs };
    database.commit('an earlier one', [order], decisionMs);
    const quantity = buys ? d('0.5') : d('0.4995');
    const commission = buys ? { commission: d('0.0005'), commissionAsset: 'BTC' } : { commission: d(index), commissionAsset: 'USDT' };
    database.record('an earlier one', {
      ...{ botId: '1', epoch, clientOrderId, instrument: btc, state: 'filled', exchangeOrderId: String(index) },
      ...{ executedQuantity: quantity, executedQuote: quantity.times(20_000), source: 'history', proof: null },
      fills: [{ tradeId: `paper-${index}`, price: d(20_000 + index), quantity, ...commission, isMaker: false, atMs: decisionMs }],
    });
  }
  database.release('an earlier one', [{ botId: '1', message: 'gone' }]);
}

beforeEach(() => {
  database = new MemoryDatabase();
  addCrossBot(database, 'paper');
  tradedBefore(roundTripsMax + beyond);
});
afterEach(() => engine.fleet.stop());

it('reads the fills after it, and stands where all of them would have brought it', async () => {
  await start('first');
  const whole = told();
  await expect.poll(() => data()?.checkpoint?.throughFillId, patience).toBe(String(2 * beyond));
  await engine.fleet.stop();
  expect(database.load(['1']).get('1')?.fills).toHaveLength(2 * roundTripsMax);
  await start('second');
  expect(told()).toEqual(whole);
  expect(session()?.state.roundTrips.closed).toHaveLength(roundTripsMax);
});

it('is not traded on when what it and the fills after it add up to is not what the row says', async () => {
  await start('first');
  await expect.poll(() => data()?.checkpoint?.throughFillId, patience).toBe(String(2 * beyond));
  await engine.fleet.stop();
  const state = database.states.get('1');
  const checkpoint = data()?.checkpoint;
  if (state === undefined || checkpoint === undefined) throw new Error('the bot has run');
  state.data = { ...state.data, checkpoint: { ...checkpoint, position: { ...checkpoint.position, quantity: '1' } } };
  engine = await startMemoryFleet({ database, owner: 'second', account: null });
  await expect.poll(() => state.message, patience).toContain('the rows were changed from outside');
});
