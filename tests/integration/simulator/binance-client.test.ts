/** The proof that the simulator is an exchange: the npm client `binance`, unchanged apart from its base URLs, trades on it. */
import { generateKeyPairSync } from 'node:crypto';
import { MainClient, WS_KEY_MAP, WebsocketAPIClient, WebsocketClient } from 'binance';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../engine/time/clock.ts';
import { generatedFuel } from '../../../simulator/generator.ts';
import { startSimulator } from '../../../simulator/simulator.ts';
import type { Simulator } from '../../../simulator/simulator.ts';
import { eventually } from '../../e2e/support/processes.ts';

const pair = generateKeyPairSync('ed25519');
const keys = {
  hmac: { api_key: 'hmacKey', api_secret: 'hmacSecret' },
  ed25519: { api_key: 'edKey', api_secret: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() },
} as const;

const silent = { trace: () => undefined, info: () => undefined, error: () => undefined };

describe.each(['hmac', 'ed25519'] as const)('the npm client `binance` with an %s key', (kind) => {
  let simulator: Simulator;
  let rest: MainClient;
  let user: WebsocketAPIClient;
  const events: Record<string, unknown>[] = [];

  beforeAll(async () => {
    simulator = await startSimulator({
      clock: systemClock,
      log: pino({ level: 'silent' }),
      port: 0,
      controlPort: null,
      fuel: generatedFuel({ seed: 3, symbols: ['BTCUSDT'], baseTimeframe: '1s' }),
      pace: { kind: 'real' },
      seed: 3,
      accounts: [
        {
          name: 'client',
          apiKey: keys[kind].api_key,
          secret:
            kind === 'hmac'
              ? { kind, secret: keys.hmac.api_secret }
              : { kind, publicKeyPem: pair.publicKey.export({ type: 'spki', format: 'pem' }).toString() },
          deposits: { USDT: '100000' },
        },
      ],
    });
    rest = new MainClient({ ...keys[kind], baseUrl: simulator.restUrl, disableTimeSync: true });
    user = new WebsocketAPIClient({ ...keys[kind], wsUrl: simulator.streamUrl, attachEventListeners: false }, silent);
    user.getWSClient().on('message', (message) => events.push(message as unknown as Record<string, unknown>));
    await user.subscribeUserDataStream(WS_KEY_MAP.mainWSAPI);
  });

  afterAll(async () => {
    void user.disconnectAll();
    await simulator.stop();
  });

  const reports = (): Record<string, unknown>[] =>
    events.map((event) => (event['event'] ?? event) as Record<string, unknown>).filter((event) => event['e'] === 'executionReport');

  it('reads the symbols and klines', async () => {
    await expect(rest.testConnectivity()).resolves.toEqual({});
    const info = await rest.getExchangeInfo({ symbol: 'BTCUSDT' });
    expect(info.symbols[0]?.filters.map((filter) => filter.filterType)).toContain('LOT_SIZE');
    const klines = await rest.getKlines({ symbol: 'BTCUSDT', interval: '1m', limit: 20 });
    expect(klines).toHaveLength(20);
    expect(Number(klines[0]?.[2])).toBeGreaterThanOrEqual(Number(klines[0]?.[3]));
  });

  it('places, queries and cancels orders, and hears of them', async () => {
    const price = Number(((await rest.getSymbolPriceTicker({ symbol: 'BTCUSDT' })) as { price: string }).price);
    const bought = await rest.submitNewOrder({ symbol: 'BTCUSDT', side: 'BUY', type: 'MARKET', quantity: 0.01, newOrderRespType: 'FULL' });
    expect(bought).toMatchObject({ status: 'FILLED', executedQty: '0.01000000' });
    const resting = await rest.submitNewOrder({
      symbol: 'BTCUSDT',
      side: 'BUY',
      type: 'LIMIT',
      timeInForce: 'GTC',
      quantity: 0.01,
      price: Math.floor(price * 0.8),
      newOrderRespType: 'RESULT',
    });
    expect(await rest.getOrder({ symbol: 'BTCUSDT', orderId: resting.orderId })).toMatchObject({ status: 'NEW', side: 'BUY' });
    expect(await rest.getOpenOrders({ symbol: 'BTCUSDT' })).toHaveLength(1);
    expect(await rest.cancelOrder({ symbol: 'BTCUSDT', orderId: resting.orderId })).toMatchObject({ status: 'CANCELED' });
    const trades = await rest.getAccountTradeList({ symbol: 'BTCUSDT' });
    expect(trades).toHaveLength(1);
    expect(trades[0]).toMatchObject({ commissionAsset: 'BTC', commission: '0.00001000' });
    const { balances } = await rest.getAccountInformation();
    expect(balances.find((balance) => balance.asset === 'BTC')?.free).toBe('0.00999000');
    await eventually('the user stream told all of it', 5_000, async () =>
      ['TRADE', 'CANCELED'].every((execution) => reports().some((report) => report['x'] === execution)),
    );
  });

  it('is refused as by Binance', async () => {
    await expect(rest.submitNewOrder({ symbol: 'BTCUSDT', side: 'BUY', type: 'MARKET', quantity: 0.000001 })).rejects.toMatchObject({
      code: -1013,
      message: 'Filter failure: LOT_SIZE',
    });
    await expect(rest.submitNewOrder({ symbol: 'BTCUSDT', side: 'SELL', type: 'MARKET', quantity: 5 })).rejects.toMatchObject({
      code: -2010,
    });
    await expect(rest.getOrder({ symbol: 'BTCUSDT', orderId: 999 })).rejects.toMatchObject({ code: -2013 });
    await expect(rest.getKlines({ symbol: 'NOPE', interval: '1m' })).rejects.toMatchObject({ code: -1121 });
  });

  it('streams klines', async () => {
    const market = new WebsocketClient({ wsUrl: simulator.streamUrl, beautify: false }, silent);
    const klines: unknown[] = [];
    market.on('message', (message) => klines.push(message));
    await market.subscribe(['btcusdt@kline_1s'], WS_KEY_MAP.main);
    await eventually('a kline came', 10_000, async () => klines.some((message) => JSON.stringify(message).includes('"kline"')));
    market.closeAll(true);
  });
});
