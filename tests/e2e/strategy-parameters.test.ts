/** A running bot whose strategy's own parameters are changed: it acts by the new ones, and warms up anew when its indicators change. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { beginCrafted, entryPrice } from './support/crafted.ts';
import type { Crafted, Ohlc } from './support/crafted.ts';
import type { BotView } from './support/engine-process.ts';
import { eventually } from './support/processes.ts';
import { drive } from './support/replay.ts';
import { seededRandom } from './support/seeded-random.ts';

const candles = 1_500;

/** A walk on which the quick MACD crosses its signal line every few candles, the same in every run. */
function walk(): readonly Ohlc[] {
  const random = seededRandom(1);
  let price = entryPrice;
  return Array.from({ length: candles }, (): Ohlc => {
    const open = price;
    price = Math.round(open * (1 + (random() - 0.5) * 0.006));
    return [open, Math.max(open, price) + 5, Math.min(open, price) - 5, price];
  });
}

describe('a running bot whose strategy has parameters of its own', () => {
  const quick = { macd_fast: 1, macd_slow: 2, macd_signal: 2, adx_period: 2 };
  let replay: Crafted;

  beforeAll(async () => {
    replay = await beginCrafted({
      after: walk(),
      columns: {
        name: 'a trend that never comes',
        mode: 'paper',
        strategy: 'macd_adx',
        strategy_parameters: { ...quick, trend_adx: 100 },
        position_size_perc: 50,
      },
    });
  });
  afterAll(() => replay.end());

  const bot = (): Promise<BotView> => replay.engine.ask<BotView>('GET', `/v1/bots/${replay.botId}`);
  const change = (parameters: Record<string, number>): Promise<unknown> =>
    replay.engine.ask('PATCH', `/v1/bots/${replay.botId}`, { strategy_parameters: parameters });
  const trades = async (): Promise<number> =>
    (await replay.engine.ask<{ items: unknown[] }>('GET', `/v1/bots/${replay.botId}/trades`)).items.length;
  /** Candle by candle; when a change is heard of is the engine's affair, so there are more candles than it needs. */
  const comes = async (what: string, happened: () => Promise<boolean>): Promise<void> => {
    await eventually(what, 140_000, async () => {
      if (await happened()) return true;
      await drive(replay, 1);
      return false;
    });
  };

  it('follows a change of a threshold from the next closes on', async () => {
    await comes('a cross is passed over for want of a trend', async () =>
      String((await bot())['status_message']).includes('ADX shows no uptrend'),
    );
    expect(await trades()).toBe(0);
    await change({ ...quick, trend_adx: 0 });
    await comes('a cross is bought', async () => (await trades()) > 0);
  });

  it('warms up anew for other periods, and trades on', async () => {
    await change({ macd_fast: 2, macd_slow: 3, macd_signal: 2, adx_period: 3, trend_adx: 0 });
    const before = await trades();
    await comes('the bot trades on', async () => (await trades()) > before + 1);
  });
});
