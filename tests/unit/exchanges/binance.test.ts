/** Signatures, and what answers mean: above all which of them prove that no order was placed. */
import { generateKeyPairSync, verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { networkRefusal, provesNotPlaced, refusalOf } from '../../../engine/exchanges/binance/errors.ts';
import { parseJson } from '../../../engine/exchanges/binance/json.ts';
import { UnusableKey, createSigner, encodeQuery, signParameters, signQuery } from '../../../engine/exchanges/binance/signing.ts';
import { readUserEvent } from '../../../engine/exchanges/binance/user-stream.ts';
import {
  MalformedAnswer,
  NoPrice,
  readAckFills,
  readInstrument,
  readKline,
  readOrder,
  readTrade,
} from '../../../engine/exchanges/binance/wire.ts';
import { Secret } from '../../../engine/secret.ts';

/** Key, secret and requests of Binance's published signing examples. */
const published = createSigner({
  kind: 'hmac',
  apiKey: new Secret('vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A'),
  secret: new Secret('NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j'),
});
const order = (symbol: string) => ({
  symbol,
  side: 'BUY',
  type: 'LIMIT',
  timeInForce: 'GTC',
  quantity: 1,
  price: 0.1,
  recvWindow: 5000,
  timestamp: 1499827319559,
});

describe('signing', () => {
  it.each([
    ['LTCBTC', 'c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71'],
    ['１２３４５６', 'e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3'],
  ])('agrees with the published example for %s', (symbol, signature) => {
    expect(published.sign(encodeQuery(order(symbol)))).toBe(signature);
    expect(signQuery(encodeQuery(order(symbol)), published)).toMatch(new RegExp(`&signature=${signature}$`));
  });

  it('signs with Ed25519 in base64, percent-encoded in a query', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const signer = createSigner({
      kind: 'ed25519',
      apiKey: new Secret('k'),
      secret: new Secret(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()),
    });
    const signed = signQuery('a=1', signer);
    const signature = decodeURIComponent(signed.split('signature=')[1] ?? '');
    expect(verify(null, Buffer.from('a=1'), publicKey, Buffer.from(signature, 'base64'))).toBe(true);
    expect(signed.split('signature=')[1]).not.toMatch(/[+/=]/);
  });

  it('signs socket parameters sorted by name and not encoded', () => {
    const signed = signParameters({ timestamp: 2, recvWindow: 1 }, published);
    expect(signed['signature']).toBe(published.sign(`apiKey=${String(signed['apiKey'])}&recvWindow=1&timestamp=2`));
  });

  it('says what is wrong with a key without showing it', () => {
    const making = () => createSigner({ kind: 'ed25519', apiKey: new Secret('k'), secret: new Secret('topsecret') });
    expect(making).toThrow(UnusableKey);
    expect(making).not.toThrow(/topsecret/);
  });
});

describe('the answer to an order', () => {
  const answer = (status: number, body: unknown) =>
    provesNotPlaced(refusalOf({ status, body, retryAfterSeconds: null, receivedAtVenueMs: 0 }));
  it.each([
    ['a filter failure', 400, { code: -1013, msg: 'Filter failure: LOT_SIZE' }, true],
    ['insufficient balance', 400, { code: -2010, msg: 'Account has insufficient balance for requested action.' }, true],
    ['a late timestamp', 400, { code: -1021, msg: 'Timestamp for this request is outside of the recvWindow.' }, true],
    ['a wrong signature', 400, { code: -1022, msg: 'Signature for this request is not valid.' }, true],
    ['a wrong key', 401, { code: -2015, msg: 'Invalid API-key, IP, or permissions for action.' }, true],
    ['too many requests', 429, { code: -1003, msg: 'Too much request weight used' }, true],
    ['a ban', 418, { code: -1003, msg: 'banned until 1700000000000' }, true],
    ['a duplicate id: an earlier one lives', 400, { code: -2010, msg: 'Duplicate order sent.' }, false],
    ['a duplicate id in the words of -1010', 400, { code: -1010, msg: 'Duplicate order sent.' }, false],
    [
      'insufficient balance in the words of -1010',
      400,
      { code: -1010, msg: 'Account has insufficient balance for requested action.' },
      true,
    ],
    ['an unknown error', 400, { code: -1000, msg: 'An unknown error occurred while processing the request.' }, false],
    ['an internal error', 400, { code: -1001, msg: 'Internal error' }, false],
    ['an unexpected bus answer', 400, { code: -1006, msg: 'An unexpected response' }, false],
    ['a timeout inside', 504, { code: -1007, msg: 'Timeout waiting for response from backend server.' }, false],
    ['any 5xx', 503, { code: -1008, msg: 'Server is currently overloaded' }, false],
    ['an error page', 502, '<html>Bad Gateway</html>', false],
    ['a 4xx without a code', 400, 'nonsense', false],
    ['a firewall', 403, '<html>blocked</html>', false],
    ['a request timeout', 408, { code: -1007, msg: 'x' }, false],
    ['a 200 that says nothing', 200, {}, false],
  ])('%s (%i) proves that it was not placed: %#', (_, status, body, proves) => {
    expect(answer(status, body)).toBe(proves);
  });

  it('that never came proves nothing', () => {
    expect(provesNotPlaced(networkRefusal(new Error('socket hang up')))).toBe(false);
  });

  it('is classified for whoever reacts', () => {
    const classOf = (status: number, code: number, msg: string) =>
      refusalOf({ status, body: { code, msg }, retryAfterSeconds: null, receivedAtVenueMs: 0 }).class;
    expect(classOf(400, -2010, 'Account has insufficient balance for requested action.')).toBe('insufficient-balance');
    expect(classOf(400, -2010, 'Market is closed.')).toBe('symbol-closed');
    expect(classOf(400, -1013, 'Market is closed.')).toBe('symbol-closed');
    expect(classOf(400, -1013, 'Filter failure: LOT_SIZE')).toBe('filter');
    expect(classOf(400, -2011, 'Unknown order sent.')).toBe('not-found');
    expect(classOf(400, -2011, 'Market is closed.')).toBe('symbol-closed');
    expect(classOf(400, -2011, 'Order was not canceled due to cancel restrictions.')).toBe('other');
    expect(classOf(400, -2010, 'Some words that nobody knows.')).toBe('other');
    expect(classOf(400, -1013, 'Invalid quantity.')).toBe('filter');
    expect(classOf(400, -1121, 'Market is closed.')).toBe('bad-request');
    expect(classOf(400, -2013, 'Order does not exist.')).toBe('not-found');
    expect(classOf(400, -1121, 'Invalid symbol.')).toBe('bad-request');
    expect(classOf(429, -1015, 'Too many new orders')).toBe('rate-limited');
    expect(classOf(418, -1003, 'x')).toBe('banned');
  });
});

describe('a refusal that the exchange words in text', () => {
  const classOf = (code: number, msg: string) =>
    refusalOf({ status: 400, body: { code, msg }, retryAfterSeconds: null, receivedAtVenueMs: 0 }).class;

  it.each([
    ['Duplicate order sent.', 'duplicate-order'],
    ['Account has insufficient balance for requested action.', 'insufficient-balance'],
    ['Unknown order sent.', 'not-found'],
    ['Market is closed.', 'symbol-closed'],
    ['Filter failure: MAX_POSITION', 'filter'],
    ['This action is disabled on this account.', 'authentication'],
    ['This account may not place or cancel orders.', 'authentication'],
    ['This symbol is not permitted for this account.', 'authentication'],
    ['This symbol is restricted for this account.', 'authentication'],
    ['Rest API trading is not enabled.', 'authentication'],
  ])('"%s" means %s under every code that carries words', (words, expected) => {
    expect([-1010, -1013, -2010, -2011].map((code) => classOf(code, words))).toEqual(Array(4).fill(expected));
  });

  it('that nobody knows is a filter where the request was checked, and anything else from the matching engine', () => {
    expect([-1010, -1013, -2010, -2011].map((code) => classOf(code, 'New words.'))).toEqual(['other', 'filter', 'other', 'other']);
  });
});

describe('reading', () => {
  it('keeps ids beyond 2^53 as they are', () => {
    expect(parseJson('{"orderId":8389765530121592356,"n":5}')).toEqual({ orderId: '8389765530121592356', n: 5 });
    expect(parseJson('<html>')).toBe('<html>');
  });

  const wire = {
    symbol: 'BTCUSDT',
    orderId: 7,
    clientOrderId: 'mine',
    side: 'BUY',
    type: 'MARKET',
    status: 'FILLED',
    origQty: '0.5',
    executedQty: '0.5',
    cummulativeQuoteQty: '10000.0',
    transactTime: 5,
  };

  it('takes our id of a cancelled order from the original one', () => {
    expect(readOrder({ ...wire, clientOrderId: 'the-cancel', origClientOrderId: 'mine' }).clientOrderId).toBe('mine');
  });

  it.each([
    ['no id', { ...wire, orderId: undefined }],
    ['a status from the future', { ...wire, status: 'DREAMT' }],
    ['an amount that is none', { ...wire, executedQty: 'NaN' }],
    ['a float for an amount', { ...wire, executedQty: 0.5 }],
    ['no object', 'FILLED'],
  ])('refuses an order with %s', (_, body) => {
    expect(() => readOrder(body)).toThrow(MalformedAnswer);
  });

  it('calls a kline closed only when the venue’s time has passed its end', () => {
    const row = [60_000, '1', '2', '0.5', '1.5', '10', 119_999, '0', 1, '0', '0', '0'];
    expect(readKline(row, 119_999).closed).toBe(false);
    expect(readKline(row, 120_000).closed).toBe(true);
    expect(() => readKline([60_000, '1', null], 0)).toThrow(MalformedAnswer);
  });

  it('reads filters, and takes a status that it does not know for not trading', () => {
    const symbol = {
      symbol: 'XUSDT',
      status: 'SLEEPING',
      baseAsset: 'X',
      quoteAsset: 'USDT',
      baseAssetPrecision: 8,
      quotePrecision: 8,
      orderTypes: ['MARKET', 'LIMIT', 'NEW_TYPE'],
      ocoAllowed: true,
      cancelReplaceAllowed: true,
      filters: [
        { filterType: 'PRICE_FILTER', minPrice: '0.01', maxPrice: '1000', tickSize: '0.01' },
        { filterType: 'LOT_SIZE', minQty: '0.1', maxQty: '100', stepSize: '0.1' },
        { filterType: 'MIN_NOTIONAL', minNotional: '10', applyToMarket: true, avgPriceMins: 5 },
        { filterType: 'A_NEW_FILTER', x: 1 },
      ],
    };
    const instrument = readInstrument(symbol);
    expect([instrument.status, instrument.orderTypes, instrument.notional?.min.toFixed(), instrument.notional?.applyMinToMarket]).toEqual([
      'BREAK',
      ['MARKET', 'LIMIT'],
      '10',
      true,
    ]);
    expect(() => readInstrument({ ...symbol, filters: [] })).toThrow(MalformedAnswer);
  });

  it('reads every filter of a symbol, old names and new ones', () => {
    const symbol = (filters: readonly object[]) => ({
      symbol: 'XUSDT',
      status: 'TRADING',
      baseAsset: 'X',
      quoteAsset: 'USDT',
      baseAssetPrecision: 8,
      quotePrecision: 8,
      orderTypes: ['MARKET'],
      filters: [
        { filterType: 'PRICE_FILTER', minPrice: '0.01', maxPrice: '1000', tickSize: '0.01' },
        { filterType: 'LOT_SIZE', minQty: '0.1', maxQty: '100', stepSize: '0.1' },
        ...filters,
      ],
    });
    const bySide = { bidMultiplierUp: '5', bidMultiplierDown: '0.2', askMultiplierUp: '3', askMultiplierDown: '0.8' };
    const all = readInstrument(
      symbol([
        { filterType: 'MARKET_LOT_SIZE', minQty: '0', maxQty: '50', stepSize: '0' },
        { filterType: 'NOTIONAL', minNotional: '5', applyMinToMarket: true, maxNotional: '900', applyMaxToMarket: true, avgPriceMins: 7 },
        { filterType: 'PERCENT_PRICE_BY_SIDE', ...bySide, avgPriceMins: 6 },
        { filterType: 'MAX_NUM_ORDERS', maxNumOrders: 200 },
        { filterType: 'MAX_NUM_ALGO_ORDERS', maxNumAlgoOrders: 5 },
        { filterType: 'MAX_NUM_ORDER_LISTS', maxNumOrderLists: 20 },
        { filterType: 'MAX_POSITION', maxPosition: '1000' },
        {
          ...{ filterType: 'TRAILING_DELTA', minTrailingAboveDelta: 10, maxTrailingAboveDelta: 2000 },
          ...{ minTrailingBelowDelta: 11, maxTrailingBelowDelta: 2001 },
        },
      ]),
    );
    expect(JSON.parse(JSON.stringify(all))).toMatchObject({
      marketLot: { min: '0', max: '50', step: '0' },
      notional: { min: '5', applyMinToMarket: true, max: '900', applyMaxToMarket: true, averagePriceMinutes: 7 },
      percentPrice: { bidUp: '5', bidDown: '0.2', askUp: '3', askDown: '0.8', averagePriceMinutes: 6 },
      trailingDelta: { minAbove: 10, maxAbove: 2000, minBelow: 11, maxBelow: 2001 },
      ...{ maxOrders: 200, maxAlgoOrders: 5, maxOrderLists: 20, maxPosition: '1000' },
    });
    const older = readInstrument(symbol([{ filterType: 'PERCENT_PRICE', multiplierUp: '1.3', multiplierDown: '0.7', avgPriceMins: 5 }]));
    expect([older.percentPrice?.askUp.toFixed(), older.percentPrice?.bidDown.toFixed()]).toEqual(['1.3', '0.7']);
    const both = readInstrument(
      symbol([
        { filterType: 'PERCENT_PRICE', multiplierUp: '4', multiplierDown: '0.7', avgPriceMins: 5 },
        { filterType: 'PERCENT_PRICE_BY_SIDE', ...bySide, avgPriceMins: 5 },
      ]),
    ).percentPrice;
    expect([both?.bidUp, both?.bidDown, both?.askUp, both?.askDown].map(String)).toEqual(['4', '0.7', '3', '0.8']);
    // A limit that cannot be read is not no limit.
    expect(() => readInstrument(symbol([{ filterType: 'MAX_NUM_ALGO_ORDERS', maxNumAlgoOrders: 'five' }]))).toThrow(MalformedAnswer);
  });

  it.each(['0', '0.00000000', null, 'NaN', '-1', undefined])('takes %s for no price', (told) => {
    const trade = {
      ...{ symbol: 'BTCUSDT', id: 1, orderId: 2, price: told, qty: '1', commission: '0', commissionAsset: 'BNB', isBuyer: true },
      time: 1,
    };
    expect(() => readTrade(trade)).toThrow(NoPrice);
    expect(readTrade({ ...trade, price: '0.00000001' }).price.toFixed()).toBe('0.00000001');
    const order = readOrder(wire);
    expect(() => readAckFills({ fills: [{ tradeId: 1, price: told, qty: '1', commission: '0', commissionAsset: 'BNB' }] }, order)).toThrow(
      NoPrice,
    );
  });

  it('reads fills and cancels from user events', () => {
    const report = {
      e: 'executionReport',
      E: 9,
      s: 'BTCUSDT',
      c: 'mine',
      S: 'BUY',
      o: 'MARKET',
      q: '1',
      X: 'FILLED',
      x: 'TRADE',
      i: 7,
      l: '1',
      z: '1',
      L: '20000',
      n: '0.001',
      N: 'BTC',
      T: 8,
      t: 3,
      Z: '20000',
      C: '',
      m: false,
      r: 'NONE',
    };
    expect(readUserEvent(report)).toMatchObject({
      type: 'order-updated',
      order: { clientOrderId: 'mine', status: 'FILLED' },
      fill: { tradeId: '3', commissionAsset: 'BTC', atMs: 8 },
    });
    expect(readUserEvent({ ...report, x: 'CANCELED', X: 'CANCELED', c: 'the-cancel', C: 'mine', t: -1 })).toMatchObject({
      order: { clientOrderId: 'mine' },
      fill: null,
    });
    expect(readUserEvent({ e: 'somethingNew' })).toBeNull();
    expect(() => readUserEvent({ ...report, L: '0.00000000' })).toThrow(NoPrice);
  });
});
