/** What a newcomer does: start with nothing configured, look at bots and trades, kill it, start it again, ask for nonsense. */
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Decimal } from 'decimal.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEngineProcess } from './support/engine-process.ts';
import type { BotView, EngineProcess } from './support/engine-process.ts';
import { eventually } from './support/processes.ts';

interface Page<T> {
  readonly items: readonly T[];
}
interface TradeView {
  readonly id: string;
  readonly client_order_id: string;
  readonly price: string;
  readonly realized_pnl: string;
}

describe('npm start with nothing configured', () => {
  let engine: EngineProcess;
  const dataDir = mkdtempSync(join(tmpdir(), 'evenkeel-newcomer-'));

  beforeAll(async () => {
    engine = await startEngineProcess({}, dataDir);
  });
  afterAll(async () => {
    await engine.process.end('SIGTERM');
    rmSync(dataDir, { recursive: true, force: true });
  });

  const bots = async (): Promise<readonly BotView[]> => (await engine.ask<Page<BotView>>('GET', '/v1/bots')).items;
  const trades = async (id: string): Promise<readonly TradeView[]> =>
    (await engine.ask<Page<TradeView>>('GET', `/v1/bots/${id}/trades?limit=500`)).items;
  const allTrades = async (): Promise<readonly TradeView[]> => (await Promise.all((await bots()).map((bot) => trades(bot.id)))).flat();

  it('says where the token lies and runs three bots that trade within a minute', async () => {
    expect(engine.process.output()).toContain(`The API token lies in ${join(dataDir, 'token')}`);
    expect(await bots()).toHaveLength(3);
    await eventually('three bots run', 20_000, async () => (await bots()).every((bot) => bot['is_running'] === true));
    await eventually('a trade was made', 60_000, async () => (await allTrades()).length > 0);
  });

  it('shows what each bot has brought, at the price that it heard last', async () => {
    const priced = (bot: BotView): boolean => typeof bot['last_price'] === 'string' && typeof bot['last_price_at'] === 'string';
    await eventually('all have heard a price', 20_000, async () => (await bots()).every(priced));
    for (const bot of await bots()) {
      // Trades may come in between.
      await eventually('its profit is the sum of its trades', 20_000, async () => {
        const shown = await engine.ask<BotView>('GET', `/v1/bots/${bot.id}`);
        const sum = (await trades(bot.id)).reduce((total, trade) => total.plus(trade.realized_pnl), new Decimal(0));
        return new Decimal(String(shown['realized_pnl'])).eq(sum);
      });
    }
    const newest = async (): Promise<number> => Date.parse(String((await bots())[0]?.['last_price_at']));
    const before = await newest();
    await eventually('the price moves on', 20_000, async () => (await newest()) > before);
  });

  it('goes on from the same rows after kill -9', async () => {
    const before = await allTrades();
    await engine.process.end('SIGKILL');
    engine = await startEngineProcess({}, dataDir);
    const after = new Map((await allTrades()).map((trade) => [trade.id, trade]));
    expect(before.length).toBeGreaterThan(0);
    for (const trade of before) expect(after.get(trade.id)).toEqual(trade);
    await eventually('the bots trade on', 60_000, async () => (await allTrades()).length > after.size);
  });

  it('answers bad input with a problem that names the field, and writes nothing', async () => {
    const good = { name: 'x', symbol: 'BTCUSDT', timeframe: '1m', strategy: 'ema_cross', initial_capital: '100', position_size_perc: 10 };
    const cases: readonly [string, unknown, string][] = [
      ['an unknown symbol', { ...good, symbol: 'NOSUCHCOIN' }, 'symbol'],
      ['a percentage of 500', { ...good, stop_loss_perc: 500 }, 'stop_loss_perc'],
      ['a position size of 500 percent', { ...good, position_size_perc: 500 }, 'position_size_perc'],
      ['a timeframe that does not exist', { ...good, timeframe: '7m' }, 'timeframe'],
      ['a strategy that does not exist', { ...good, strategy: 'astrology' }, 'strategy'],
      ['a text for a number', { ...good, ema_fast: 'fast' }, 'ema_fast'],
      ['a field that does not exist', { ...good, lucky_number: 7 }, 'lucky_number'],
    ];
    for (const [what, body, field] of cases) {
      const answer = await engine.raw('POST', '/v1/bots', body);
      const problem = (await answer.json()) as { errors: { field: string }[] };
      expect([what, answer.status >= 400 && answer.status < 500, answer.headers.get('content-type')]).toEqual([
        what,
        true,
        'application/problem+json; charset=utf-8',
      ]);
      expect([what, problem.errors.map((error) => error.field)]).toEqual([what, [field]]);
    }
    const broken = await engine.raw('POST', '/v1/bots', '{"name": "x", ');
    expect([broken.status, ((await broken.json()) as { code: string }).code]).toEqual([400, 'invalid-json']);
    expect(await bots()).toHaveLength(3);
  });

  it('refuses a body of 10 MB and a wrong token', async () => {
    const [status, text] = await sendHuge(engine);
    expect(status === 413 || text === 'ECONNRESET' || text === 'EPIPE').toBe(true);
    const wrong = await fetch(`${engine.url}/v1/bots`, {
      headers: { authorization: 'Bearer ek_0000000000000000000000000000000000000000000' },
    });
    expect(wrong.status).toBe(401);
    expect(((await wrong.json()) as { errors: { field: string }[] }).errors[0]?.field).toBe('authorization');
    expect(await bots()).toHaveLength(3);
  });
});

/** The server may answer and close while we still send: either is a refusal. */
function sendHuge(engine: EngineProcess): Promise<[number, string]> {
  return new Promise((resolve) => {
    const outgoing = request(
      `${engine.url}/v1/bots`,
      {
        method: 'POST',
        headers: {
          authorization: `Bearer ${engine.token}`,
          'content-type': 'application/json',
          'content-length': String(10 * 1024 * 1024),
        },
      },
      (answer) => {
        answer.resume();
        resolve([answer.statusCode ?? 0, '']);
      },
    );
    outgoing.on('error', (error: NodeJS.ErrnoException) => resolve([0, error.code ?? error.message]));
    outgoing.end(Buffer.alloc(10 * 1024 * 1024, ' '));
  });
}
