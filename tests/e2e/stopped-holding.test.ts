/** A bot is stopped while it holds a position without a stop, and its engine is started anew: whoever asks gets the position sold. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { beginCrafted, heldCoins } from './support/crafted.ts';
import type { Crafted, Ohlc } from './support/crafted.ts';
import { startEngineProcess } from './support/engine-process.ts';
import { eventually } from './support/processes.ts';
import { drive } from './support/replay.ts';

const at: Ohlc = [30_000, 30_000, 30_000, 30_000];

describe('a bot that is stopped while it holds a position', () => {
  let crafted: Crafted;
  const coins = async (): Promise<number> => {
    const { free, locked } = await heldCoins(crafted);
    return Number(free) + Number(locked);
  };
  const bot = () => crafted.engine.ask<Record<string, unknown>>('GET', `/v1/bots/${crafted.botId}`);
  const command = (name: string) => crafted.engine.raw('POST', `/v1/bots/${crafted.botId}/commands`, { command: name });
  const remove = () => crafted.engine.raw('DELETE', `/v1/bots/${crafted.botId}`);

  beforeEach(async () => {
    crafted = await beginCrafted({ after: Array.from({ length: 20 }, () => at), columns: { stop_loss_perc: null } });
    await drive(crafted, 2);
    await eventually('it has bought', 20_000, async () => (await coins()) > 0.001);
    await command('stop');
    await crafted.engine.process.end('SIGKILL');
    crafted.engine = await startEngineProcess(crafted.engineEnv, crafted.dataDir);
    await eventually('an engine keeps it', 30_000, async () => {
      const { is_active: active, is_running: running, status_message: message } = await bot();
      return active === false && running === true && String(message).includes('switched off');
    });
  });
  afterEach(() => crafted.end());

  it('is sold by close-position, and can be deleted then', async () => {
    await drive(crafted, 1);
    expect(await coins()).toBeGreaterThan(0.001);
    expect((await remove()).status).toBe(409);
    expect((await command('pause-entries')).status).toBe(409);
    expect((await command('close-position')).status).toBe(202);
    await eventually('it is flat', 30_000, async () => (await coins()) < 0.0001);
    await eventually('nobody keeps it', 30_000, async () => (await bot())['is_running'] === false);
    const { items } = await crafted.engine.ask<{ items: { command: string; fate: string }[] }>('GET', `/v1/bots/${crafted.botId}/commands`);
    expect(items.find((one) => one.command === 'close-position')?.fate).toBe('done');
    expect((await remove()).status).toBe(204);
  });

  it('is sold by a flattening kill switch', async () => {
    const switched = { scope: 'bot', subject: crafted.botId, policy: 'flatten', reason: 'test' };
    expect([201, 202]).toContain((await crafted.engine.raw('POST', '/v1/kill-switch', switched)).status);
    await eventually('it is flat', 30_000, async () => (await coins()) < 0.0001);
    await eventually('nobody keeps it', 30_000, async () => (await bot())['is_running'] === false);
  });
});
