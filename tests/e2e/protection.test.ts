/** Stops and targets rest at the exchange, whatever happens to the engine, to its answers and to the orders themselves. */
import { Decimal } from 'decimal.js';
import { afterEach, describe, expect, it } from 'vitest';
import { asStranger, beginCrafted, entryPrice, heldCoins, openOrders, protectedBy } from './support/crafted.ts';
import type { Crafted, Ohlc } from './support/crafted.ts';
import { startEngineProcess } from './support/engine-process.ts';
import { eventually } from './support/processes.ts';
import { compareWithLedger, drive, noDifference, settled, standsAt } from './support/replay.ts';

const calm: Ohlc = [entryPrice, entryPrice + 10, entryPrice - 10, entryPrice];
const stopAndTarget = { stop_loss_perc: 2, take_profit_perc: 4 };

interface OrderRow {
  readonly role: string;
  readonly type: string;
  readonly state: string;
  readonly reason: string;
}

describe('protection at the exchange', () => {
  let replay: Crafted;
  afterEach(() => replay.end());

  const orders = async (): Promise<readonly OrderRow[]> =>
    (await replay.engine.ask<{ items: OrderRow[] }>('GET', `/v1/bots/${replay.botId}/orders?limit=50`)).items;
  const restart = async (env: Readonly<Record<string, string>> = {}): Promise<void> => {
    replay.engine = await startEngineProcess({ ...replay.engineEnv, ...env }, replay.dataDir);
  };
  const killed = async (): Promise<void> => {
    await eventually('the engine has killed itself', 30_000, async () => (await dead(0)) === true);
  };
  /** Whether the engine is dead, or has come to rest, whichever is first; null when neither happens in time. */
  const dead = async (timeoutMs: number): Promise<boolean | null> => {
    const closeMs = await standsAt(replay);
    return Promise.race([
      replay.engine.process.exited.then(() => true),
      settled(replay, closeMs, timeoutMs).then(
        () => false,
        () => null,
      ),
    ]);
  };
  const logLines = (): readonly { readonly msg: string }[] =>
    replay.engine.process
      .output()
      .split('\n')
      .filter((line) => line.startsWith('{') && line.endsWith('}'))
      .map((line) => JSON.parse(line) as { readonly msg: string });
  /** A line that whoever runs the engine reads in its log. */
  const logged = (text: RegExp): Promise<unknown> =>
    eventually(`the log says ${text}`, 10_000, async () => logLines().find(({ msg }) => text.test(msg)));
  const byType = async () => new Map((await openOrders(replay)).map((order) => [order.type, order]));
  const agrees = async (): Promise<void> => {
    let difference: unknown;
    await eventually('rows and ledger agree', 10_000, async () => {
      difference = await compareWithLedger(replay);
      return JSON.stringify(difference) === JSON.stringify(noDifference);
    }).catch(() => undefined);
    expect(difference).toEqual(noDifference);
  };

  it('rests a stop and a target for the net quantity, and takes the profit at the target to the last digit', async () => {
    replay = await beginCrafted({ after: [calm, calm, [30_000, 31_500, 29_990, 31_400]], columns: stopAndTarget });
    await drive(replay, 1);
    const resting = await protectedBy(replay, ['STOP_LOSS', 'LIMIT_MAKER']);
    const stop = resting.get('STOP_LOSS');
    const target = resting.get('LIMIT_MAKER');
    expect(stop?.stopPrice).toBe(new Decimal(30_000).times('0.98').toFixed());
    expect(target?.price).toBe(new Decimal(30_000).times('1.04').toFixed());
    const held = await heldCoins(replay);
    // One step of the lot may stay over.
    expect(
      new Decimal(held.free)
        .plus(held.locked)
        .minus(stop?.quantity ?? 0)
        .toNumber(),
    ).toBeLessThan(0.00001);
    expect(target?.quantity).toBe(stop?.quantity);
    await agrees();
    await drive(replay, 3);
    await agrees();
    expect(await openOrders(replay)).toEqual([]);
    expect(
      (await orders())
        .slice(0, 2)
        .map(({ role, state }) => `${role} ${state}`)
        .sort(),
    ).toEqual(['stop expired', 'target filled']);
    await logged(/^bot started: crafted \(live, BTCUSDT 1m, ema_cross\)$/);
    await logged(/^bought 0\.2 BTC at 30000 for 6000\.00 USDT$/);
    await logged(/^a stop rests at the exchange: it sells 0\.1998 at 29400, or at the target of 31200$/);
    await logged(/^sold 0\.1998 BTC at 31200, profit or loss 227\.52624 USDT \(target\)$/);
  });

  it('puts up the stop first thing after kill -9 between fill and stop', async () => {
    replay = await beginCrafted({ after: [calm, calm], columns: stopAndTarget, engineEnv: { EVENKEEL_CRASH_AT: 'CP9' } });
    await replay.simulator.step();
    await killed();
    expect(await openOrders(replay)).toEqual([]);
    expect(Number((await heldCoins(replay)).free)).toBeGreaterThan(0);
    await restart();
    await protectedBy(replay, ['STOP_LOSS', 'LIMIT_MAKER'], 5_000);
    await settled(replay, await standsAt(replay));
    await agrees();
  });

  it('leaves the stop at the exchange whatever ends the engine, and books at the restart what it sold meanwhile', async () => {
    replay = await beginCrafted({
      after: [calm, [30_000, 30_000, 29_000, 29_100]],
      columns: stopAndTarget,
      engineEnv: { EVENKEEL_CRASH_AT: 'CP10' },
    });
    // kill -9 behind the stop: it is known that it rests, and there is no second one.
    await replay.simulator.step();
    await killed();
    const before = await protectedBy(replay, ['STOP_LOSS', 'LIMIT_MAKER']);
    await restart();
    await settled(replay, await standsAt(replay));
    await agrees();
    expect((await orders()).filter(({ role }) => role === 'stop')).toHaveLength(1);
    expect(await byType()).toEqual(before);

    // SIGTERM.
    expect(await replay.engine.process.end('SIGTERM')).toBe(0);
    expect(await logged(/^stopped: 1 bot let go, 1 position stays open$/)).toMatchObject({
      positions: [{ botId: replay.botId, symbol: 'BTCUSDT', stopPrice: '29400' }],
    });
    expect(logLines().at(-1)?.msg).toMatch(/^stopped/);
    expect(await byType()).toEqual(before);
    await restart();
    await settled(replay, await standsAt(replay));
    expect(await byType()).toEqual(before);

    // kill -9 while it rests, and the stop sells while nobody looks.
    await replay.engine.process.end('SIGKILL');
    await replay.simulator.step(2);
    expect(await openOrders(replay)).toEqual([]);
    await restart();
    await settled(replay, await standsAt(replay));
    await agrees();
    const { items } = await replay.engine.ask<{ items: { side: string; order_type: string; realized_pnl: string }[] }>(
      'GET',
      `/v1/bots/${replay.botId}/trades`,
    );
    expect(items).toHaveLength(2);
    expect(items.find(({ side }) => side === 'SELL')).toMatchObject({ order_type: 'STOP_LOSS' });
    await logged(/^bot started: crafted .*, taken over from engine /);
    await logged(/^sold \d\.\d+ BTC at \d+(\.\d+)?, profit or loss -\d+\.\d+ USDT \(stop\)/);
  });

  const rising: readonly Ohlc[] = [
    calm,
    [30_000, 30_400, 29_990, 30_390],
    [30_390, 30_800, 30_380, 30_790],
    [30_790, 31_200, 30_780, 31_190],
    [31_190, 31_200, 31_180, 31_190],
  ];
  const trailing = { trailing_stop_perc: 2, trailing_stop_active: true };

  it('follows the best price with one request per move, never looser and never two', async () => {
    replay = await beginCrafted({ after: rising, columns: trailing });
    await drive(replay, 5);
    await agrees();
    const stops = (await replay.simulator.ledger()).orders.filter(({ type }) => type === 'STOP_LOSS');
    expect(stops.length).toBeGreaterThan(2);
    const prices = stops.map(({ stopPrice }) => Number(stopPrice));
    expect(prices).toEqual(prices.toSorted((a, b) => a - b));
    expect(prices.at(-1)).toBe(31_200 * 0.98);
    expect(stops.map(({ status }) => status)).toEqual([...stops.slice(1).map(() => 'CANCELED'), 'NEW']);
  });

  it.each(['CP11', 'CP11:2'])('has one stop after kill -9 in the middle of a replacement (%s)', async (crashAt) => {
    replay = await beginCrafted({ after: rising, columns: trailing, engineEnv: { EVENKEEL_CRASH_AT: crashAt } });
    await drive(replay, 1);
    // At which candle the moves are made depends on when their requests arrive.
    for (let candle = 0; (await dead(20_000)) !== true; candle += 1) {
      expect(candle).toBeLessThan(4);
      await replay.simulator.step();
    }
    await restart();
    await settled(replay, await standsAt(replay));
    await protectedBy(replay, ['STOP_LOSS']);
    await agrees();
  });

  it('puts a stop up again that a stranger cancelled, although no event told of it', async () => {
    replay = await beginCrafted({ after: [calm, calm], columns: stopAndTarget, engineEnv: { EVENKEEL_PROTECTION_CHECK_MS: '1000' } });
    await drive(replay, 1);
    const before = (await protectedBy(replay, ['STOP_LOSS', 'LIMIT_MAKER'])).get('STOP_LOSS')?.clientOrderId ?? '';
    await replay.simulator.fault({ kind: 'mute-user-data', count: 1_000_000 });
    await asStranger(replay, 'DELETE', '/api/v3/order', { symbol: 'BTCUSDT', origClientOrderId: before });
    expect(await openOrders(replay)).toEqual([]);
    const after = (await protectedBy(replay, ['STOP_LOSS', 'LIMIT_MAKER'])).get('STOP_LOSS')?.clientOrderId;
    expect(after).not.toBe(before);
    expect(replay.engine.process.output()).toContain('no longer rests at the exchange');
    await agrees();
  });

  it('closes the position when the exchange refuses the stop, and says so', async () => {
    replay = await beginCrafted({ after: [calm, calm], columns: stopAndTarget });
    // The entry passes; what follows it does not.
    await replay.simulator.fault({ kind: 'reject-orders', count: 1, skip: 1, code: -2010, message: 'Order would trigger immediately.' });
    await drive(replay, 1);
    const { free, locked } = await heldCoins(replay);
    expect(new Decimal(free).plus(locked).toNumber()).toBeLessThan(0.00001);
    expect(await openOrders(replay)).toEqual([]);
    const rows = await orders();
    expect(rows[0]).toMatchObject({ role: 'exit', state: 'filled' });
    expect(rows[0]?.reason).toMatch(/the exchange refused the stop/);
    expect(replay.engine.process.output()).toContain('the exchange refused a protective order');
  });

  it.each([
    ['is lost', { kind: 'order-answer-lost' }],
    ['is a 5xx although they were placed', { kind: 'order-5xx', executed: true }],
    ['is a 5xx and nothing was placed', { kind: 'order-5xx', executed: false }],
  ])('ends with exactly one stop and target, or flat, when the answer to them %s', async (_, fault) => {
    replay = await beginCrafted({ after: [calm, calm], columns: stopAndTarget, engineEnv: { EVENKEEL_CRASH_AT: 'CP9' } });
    await replay.simulator.step();
    await killed();
    await replay.simulator.fault(fault);
    await restart();
    await settled(replay, await standsAt(replay));
    await agrees();
    const held = await heldCoins(replay);
    const flat = new Decimal(held.free).plus(held.locked).lt('0.00001');
    expect((await openOrders(replay)).length).toBe(flat ? 0 : 2);
    if (fault.kind === 'order-answer-lost') expect(flat).toBe(false);
  });

  it('sells at a strategy exit only when the stop is cancelled', async () => {
    const falling: readonly Ohlc[] = [
      calm,
      [30_000, 30_000, 29_700, 29_750],
      [29_750, 29_750, 29_700, 29_720],
      [29_720, 29_720, 29_700, 29_700],
    ];
    replay = await beginCrafted({ after: falling, columns: stopAndTarget });
    await drive(replay, 5);
    await agrees();
    const held = await heldCoins(replay);
    expect(new Decimal(held.free).plus(held.locked).toNumber()).toBeLessThan(0.00001);
    expect(held.locked).toBe('0');
    const rows = await orders();
    expect(rows.map(({ role, state }) => `${role} ${state}`).sort()).toEqual([
      'entry filled',
      'exit filled',
      'stop cancelled',
      'target cancelled',
    ]);
  });

  it('keeps the stop in the engine when that is chosen', async () => {
    replay = await beginCrafted({
      after: [calm, [30_000, 30_000, 29_000, 29_100], calm],
      columns: stopAndTarget,
      engineEnv: { EVENKEEL_STOPS: 'engine' },
    });
    await drive(replay, 3);
    await agrees();
    // A stepped venue may refuse a signature's time in the middle of a candle; then the exit is tried again.
    const rows = (await orders()).filter(({ state }) => state === 'filled');
    expect(rows.map(({ role }) => role)).toEqual(['exit', 'entry']);
    expect(rows[0]?.reason).toMatch(/^stop-loss at /);
  });
});
