/** What becomes of a position and its stop under a kill switch: cancelled and kept off, placed again after the release, or sold. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { beginCrafted, heldCoins, openOrders, protectedBy } from './support/crafted.ts';
import type { Crafted, Ohlc } from './support/crafted.ts';
import { startEngineProcess } from './support/engine-process.ts';
import { eventually } from './support/processes.ts';
import { drive } from './support/replay.ts';

const at: Ohlc = [30_000, 30_000, 30_000, 30_000];

describe('a kill switch over a bot that holds a position', () => {
  let crafted: Crafted;
  let id: string;

  beforeEach(async () => {
    crafted = await beginCrafted({ after: Array.from({ length: 20 }, () => at), columns: { stop_loss_perc: 2 } });
    await drive(crafted, 2);
    await protectedBy(crafted, ['STOP_LOSS'], 20_000);
  });
  afterEach(() => crafted.end());

  const set = async (policy: string): Promise<void> => {
    const answer = await crafted.engine.raw('POST', '/v1/kill-switch', { scope: 'bot', subject: crafted.botId, policy, reason: 'test' });
    expect([201, 202]).toContain(answer.status);
    id = await eventually('it has a row', 20_000, async () => {
      const { items } = await crafted.engine.ask<{ items: { id: string | null }[] }>('GET', '/v1/kill-switch');
      return items[0]?.id;
    });
  };
  const status = async (): Promise<string> =>
    String((await crafted.engine.ask<Record<string, unknown>>('GET', `/v1/bots/${crafted.botId}`))['status_message']);

  it('takes its stop down under cancel, through a kill -9 as well, and lets it rest again after the release', async () => {
    const held = await heldCoins(crafted);
    await set('cancel');
    await eventually('the stop is down', 20_000, async () => (await openOrders(crafted)).length === 0);
    await eventually('the status says so', 20_000, async () => /kill switch \(bot, cancel\).*nothing protects/.test(await status()));
    await drive(crafted, 2);
    await crafted.engine.process.end('SIGKILL');
    crafted.engine = await startEngineProcess(crafted.engineEnv, crafted.dataDir);
    await drive(crafted, 2);
    expect(await openOrders(crafted)).toEqual([]);
    expect(Number((await heldCoins(crafted)).free)).toBeCloseTo(Number(held.free) + Number(held.locked), 8);
    await crafted.engine.ask('DELETE', `/v1/kill-switch/${id}`);
    await protectedBy(crafted, ['STOP_LOSS'], 20_000);
  });

  it('sells it under flatten although the exchange refuses at first, and enters nothing after', async () => {
    await crafted.simulator.fault({ kind: 'order-5xx', executed: false, status: 503, count: 2, action: 'cancel' });
    await crafted.simulator.fault({ kind: 'reject-orders', code: -1013, message: 'Filter failure: LOT_SIZE', count: 2 });
    await set('flatten');
    await eventually('it is flat', 60_000, async () => {
      const { free, locked } = await heldCoins(crafted);
      return Number(free) + Number(locked) < 0.0001 && (await openOrders(crafted)).length === 0;
    });
    const buys = async (): Promise<number> => (await crafted.simulator.ledger()).orders.filter(({ side }) => side === 'BUY').length;
    const before = await buys();
    await drive(crafted, 4);
    await eventually('the status says so', 20_000, async () => /kill switch \(bot, flatten\)/.test(await status()));
    expect(await buys()).toBe(before);
  });
});
