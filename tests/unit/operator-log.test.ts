/** What the log tells whoever runs the engine: bots that come and go, entries, stops, exits with their result, and what is left at the end. */
import { Decimal } from 'decimal.js';
import { expect, it, vi } from 'vitest';
import { tradeLine } from '../../engine/orders/trade-line.ts';
import { lastLine, linesMax, tellLost, tellStarted, tellStopped } from '../../engine/supervisor/bot-lines.ts';
import { StopNews } from '../../engine/bot/stop-news.ts';
import { recordedLog } from '../support/recorded-log.ts';
import { MemoryDatabase } from '../simulation/memory-database.ts';
import { addCrossBot, cross, move, startMemoryFleet } from './memory-fleet.ts';
import { btc, d } from './trading/given.ts';

const patience = { timeout: 45_000 };
// A paper order waits ten seconds for a price that does not come.
vi.setConfig({ testTimeout: 90_000 });

it('tells the life of a bot at info, in few lines, and each decision at debug', async () => {
  const database = new MemoryDatabase();
  addCrossBot(database, 'paper', { name: 'crossing', stopLossPerc: 10, takeProfitPerc: 5, checkIntervalSeconds: 1 });
  const { log, lines } = recordedLog('debug');
  const engine = await startMemoryFleet({ database, owner: 'me', account: null, log });
  const bot = await engine.joined();
  const held = (): string | undefined => engine.fleet.supervisor.bot('1')?.session?.phase;
  cross(bot);
  await expect.poll(() => (move(bot, 100), held()), patience).toBe('holding');
  // At the target itself: whether the candle counts as opened beyond it makes no difference.
  await expect.poll(() => (move(bot, 105), held()), patience).toBe('flat');
  database.changeBot('1', { active: false });
  await expect.poll(() => engine.fleet.supervisor.bot('1'), patience).toBeNull();
  await expect.poll(() => lines.some(({ msg }) => msg.startsWith('bot stopped')), patience).toBe(true);
  const left = await engine.fleet.stop();

  const loud = lines.filter(({ level }) => level !== 'debug');
  expect(loud.map(({ level, msg }) => `${level}: ${msg}`)).toEqual([
    'info: bot started: crossing (paper, BTCUSDT 1m, ema_cross)',
    'info: bought 5 BTC at 100 for 500.00 USDT',
    'info: the engine keeps the stop: it sells at 90, or at the target of 105',
    'info: sold 4.995 BTC at 105, profit or loss 23.950525 USDT (target)',
    'info: bot stopped: crossing (it was switched off; no position is open)',
  ]);
  const [started, bought, stop, sold] = loud;
  expect(started).toMatchObject({ botId: '1', name: 'crossing', symbol: 'BTCUSDT', timeframe: '1m', mode: 'paper', strategy: 'ema_cross' });
  const [entry, exit] = [...database.orders.values()];
  expect(bought).toMatchObject({
    botId: '1',
    clientOrderId: entry?.intent.clientOrderId,
    quantity: '5',
    price: '100',
    quote: '500',
    fee: '0.005',
  });
  expect(stop).toMatchObject({ botId: '1', symbol: 'BTCUSDT', stopPrice: '90', targetPrice: '105' });
  expect(sold).toMatchObject({ botId: '1', clientOrderId: exit?.intent.clientOrderId, kind: 'target', pnl: '23.950525', feeAsset: 'USDT' });
  expect(lastLine(left).text).toBe('stopped: 0 bots let go, no position is open');

  const decisions = lines.filter(({ level }) => level === 'debug');
  expect(decisions.find(({ msg }) => msg === 'a closed candle was decided on')).toMatchObject({
    ...{ botId: '1', symbol: 'BTCUSDT', signal: 'enter-long', outcome: 'entered', rule: null },
    signalReason: expect.stringContaining('crossed above') as string,
  });
  expect(decisions.filter(({ msg }) => msg === 'an order is decided').map(({ role, side, quantity }) => [role, side, quantity])).toEqual([
    ['entry', 'BUY', '5'],
    ['exit', 'SELL', '4.995'],
  ]);
  expect(decisions.map(({ msg }) => msg)).toEqual(
    expect.arrayContaining(['the bot is entering', 'the bot is holding', 'the bot is exiting', 'the bot is flat', 'an order is filled']),
  );
});

it('tells at the end what an engine lets go of, and by whom the next one takes it over', async () => {
  const database = new MemoryDatabase();
  addCrossBot(database, 'paper', { name: 'crossing' });
  const first = recordedLog();
  const engine = await startMemoryFleet({ database, owner: 'first', account: null, log: first.log });
  const bot = await engine.joined();
  cross(bot);
  await expect.poll(() => (move(bot, 100), engine.fleet.supervisor.bot('1')?.session?.phase), patience).toBe('holding');
  const left = await engine.fleet.stop();
  expect(lastLine(left)).toEqual({
    fields: { bots: 1, positions: [{ botId: '1', symbol: 'BTCUSDT', mode: 'paper', quantity: '4.995', stopPrice: null }] },
    text: 'stopped: 1 bot let go, 1 position stays open',
  });
  // The last line is enough.
  expect(first.told().filter((line) => line.includes('stopped'))).toEqual([]);
  // It died instead: the rows still say that it has the bot.
  const state = database.states.get('1');
  if (state === undefined) throw new Error('the bot ran');
  state.holder = 'first';
  const { log, told, lines } = recordedLog();
  const next = await startMemoryFleet({ database, owner: 'second', account: null, log });
  await expect
    .poll(told, patience)
    .toEqual(['info: bot started: crossing (paper, BTCUSDT 1m, ema_cross), taken over from engine first; it holds 4.995']);
  expect(lines[0]).toMatchObject({ takenFrom: 'first', position: '4.995' });
  await next.fleet.stop();
});

it('counts live positions without a stop in the last line', () => {
  const position = { botId: '1', symbol: 'BTCUSDT', quantity: '1' };
  const left = [
    { ...position, mode: 'live', stopPrice: '9' },
    { ...position, mode: 'live', stopPrice: null },
    { ...position, mode: 'paper', stopPrice: null },
  ] as const;
  expect(lastLine({ bots: 3, positions: left }).text).toBe(
    'stopped: 3 bots let go, 3 positions stay open, 1 of them live without a stop at the exchange',
  );
});

it('tells of many bots that start, stop or are lost at once in one line', async () => {
  const database = new MemoryDatabase();
  const count = linesMax + 1;
  for (let id = 1; id <= count; id += 1) addCrossBot(database, 'paper', { name: `b${id}` }, String(id));
  const { log, told, lines } = recordedLog();
  const row = database.configs.get('1')?.row;
  if (row === undefined) throw new Error('it was added');
  const flat = { stateData: { position: { openedAtMs: null } } };
  const bots = Array.from({ length: count }, (_, index) => ({
    ...{ botId: String(index + 1), takenFrom: index === 0 ? 'other' : null, wanted: true },
    rows: { ...flat, config: row } as Parameters<typeof tellStarted>[1][number]['rows'],
  }));
  tellStarted(log, bots);
  tellStopped(
    log,
    bots.map(({ botId }) => ({ botId, name: 'b', symbol: 'BTCUSDT', why: 'it was switched off', leaves: 'no position is open' })),
  );
  tellLost(
    log,
    bots.map(({ botId }) => botId),
  );
  expect(told()).toEqual([
    'info: bots started',
    'info: bots stopped',
    'warn: another engine took the bots; they stopped here without a further write',
  ]);
  expect(lines[0]).toMatchObject({ bots: count, live: 0, paper: count, withPosition: 0, takenOver: 1 });
  tellStarted(log, bots.slice(1));
  expect(lines).toHaveLength(3 + linesMax);
});

it('words tiny prices and averages of many executions without exponents or endless digits', () => {
  const order: Parameters<typeof tradeLine>[0] = {
    ...{ botId: '1', symbol: 'SHIBUSDT', clientOrderId: 'c', reason: 'r' },
    state: 'filled',
    role: 'stop',
    exitKind: null,
    side: 'SELL',
  };
  const trade = {
    ...{ quantity: d('3000000'), quote: d('1.35').div(3), commission: d('0.00000045'), commissionAsset: 'USDT' },
    ...{ pnl: d(0), realisedPnl: new Decimal('-0.0000001234567') },
  };
  const shib = { ...btc, symbol: 'SHIBUSDT', baseAsset: 'SHIB' };
  expect(tradeLine(order, trade, shib)).toMatchObject({
    text: 'sold 3000000 SHIB at 0.00000015, profit or loss -0.00000012 USDT (stop)',
    fields: { price: '0.00000015', fee: '0.00000045', pnl: '-0.00000012', kind: 'stop' },
  });
  expect(tradeLine(order, { ...trade, quantity: d(3), quote: d(10) }, shib).text).toContain('sold 3 SHIB at 3.333333333,');
});

it('tells of a stop once where it stands, of its moves at debug, and nothing of one that rested before the bot was taken', () => {
  const resting = (stop: string) => ({ quantity: d(1), stopPrice: d(stop), targetPrice: d(12) });
  const news = new StopNews();
  news.commanded('cancel-protection');
  expect(news.line(resting('9'), true)).toBeNull();
  news.commanded('place-protection');
  const first = news.line(resting('9.1'), true);
  expect(first).toMatchObject({ level: 'info', text: 'a stop rests at the exchange: it sells 1 at 9.1, or at the target of 12' });
  expect(news.line(resting('9.1'), true)).toBeNull();
  expect(news.line(null, true)).toBeNull();
  expect(news.line(resting('9.2'), true)).toMatchObject({
    level: 'debug',
    fields: { stopPrice: '9.2', targetPrice: '12', quantity: '1' },
  });
  // Of the next position.
  expect(news.line(null, false)).toBeNull();
  expect(news.line(resting('9.2'), true)?.level).toBe('info');
});
