import { Decimal } from 'decimal.js';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { createMatching } from '../../../engine/matching/engine.ts';
import type { BookEvent, MatchingEngine, MatchingRequest } from '../../../engine/matching/matching.ts';
import { instrumentOf } from '../../../simulator/instruments.ts';

const d = (value: number | string): Decimal => new Decimal(value);
const me = 'me';
let book: MatchingEngine;
let ids = 0;
let now = 1_000;

function tick(price: number | string, change: { bid?: number; ask?: number; liquidity?: number } = {}): readonly BookEvent[] {
  now += 1_000;
  const at = d(price);
  return book.tick({
    symbol: 'BTCUSDT',
    price: at,
    bid: d(change.bid ?? price),
    ask: d(change.ask ?? price),
    liquidity: change.liquidity === undefined ? null : d(change.liquidity),
    atMs: now,
  });
}

function order(change: Partial<MatchingRequest>): MatchingRequest {
  ids += 1;
  return { symbol: 'BTCUSDT', side: 'BUY', type: 'MARKET', clientOrderId: `c${ids}`, ...change };
}

function place(change: Partial<MatchingRequest>) {
  const result = book.place(me, order(change), now);
  if (!result.ok) throw new Error(`${result.refusal.code} ${result.refusal.message}`);
  return result.value;
}

function refusal(change: Partial<MatchingRequest>): string {
  const result = book.place(me, order(change), now);
  return result.ok ? 'accepted' : `${result.refusal.code} ${result.refusal.message}`;
}

const balance = (asset: string): [string, string] => {
  const found = book.balances(me).find((one) => one.asset === asset);
  return [found?.free.toFixed() ?? '0', found?.locked.toFixed() ?? '0'];
};
const statusOf = (clientOrderId: string): string | undefined => book.order(me, 'BTCUSDT', { clientOrderId })?.status;

beforeEach(() => {
  book = createMatching();
  book.list(instrumentOf('BTCUSDT'));
  book.openAccount(me, { maker: d('0.001'), taker: d('0.002'), asset: 'received' });
  book.deposit(me, 'USDT', d(10_000), now);
  book.deposit(me, 'BTC', d(1), now);
  tick(20_000);
});

describe('a market order', () => {
  it('buys at the ask and pays its fee from what it received', () => {
    tick(20_000, { bid: 19_999, ask: 20_001 });
    const { order: placed, trades } = place({ quantity: d('0.1') });
    expect(placed.status).toBe('FILLED');
    expect([trades[0]?.price.toFixed(), trades[0]?.commission.toFixed(), trades[0]?.commissionAsset]).toEqual(['20001', '0.0002', 'BTC']);
    expect(balance('BTC')).toEqual(['1.0998', '0']);
    expect(balance('USDT')).toEqual(['7999.9', '0']);
  });

  it('sells at the bid and pays its fee from the proceeds', () => {
    tick(20_000, { bid: 19_999, ask: 20_001 });
    place({ side: 'SELL', quantity: d('0.1') });
    expect(balance('USDT')).toEqual([d(10_000).plus('1999.9').minus('3.9998').toFixed(), '0']);
  });

  it('cuts the fee to eight decimals, in the account holder’s favour', () => {
    expect(place({ quantity: d('0.00123') }).trades[0]?.commission.toFixed()).toBe('0.00000246');
    tick('20000.03');
    expect(place({ side: 'SELL', quantity: d('0.00031') }).trades[0]?.commission.toFixed()).toBe('0.01240001');
  });

  it('that exhausts the price’s liquidity ends expired with what it got', () => {
    tick(20_000, { liquidity: 0.05 });
    const { order: placed } = place({ quantity: d('0.1') });
    expect([placed.status, placed.executedQuantity.toFixed(), placed.expiryReason]).toEqual(['EXPIRED', '0.05', 'INSUFFICIENT_LIQUIDITY']);
    expect(balance('USDT')[1]).toBe('0');
  });

  it('spends a quote amount', () => {
    expect(place({ quoteQuantity: d(100) }).order.executedQuantity.toFixed()).toBe('0.005');
  });
});

describe('a limit order', () => {
  it('rests with its worth locked, and fills at its own price when the market comes', () => {
    const { order: placed } = place({ type: 'LIMIT', timeInForce: 'GTC', quantity: d('0.1'), price: d(19_000) });
    expect([placed.status, balance('USDT')]).toEqual(['NEW', ['8100', '1900']]);
    tick(19_500);
    expect(statusOf(placed.clientOrderId)).toBe('NEW');
    tick(18_900);
    expect(statusOf(placed.clientOrderId)).toBe('FILLED');
    expect([balance('USDT'), balance('BTC')]).toEqual([
      ['8100', '0'],
      ['1.0999', '0'],
    ]);
  });

  it('fills in parts as liquidity allows', () => {
    const { order: placed } = place({ type: 'LIMIT', timeInForce: 'GTC', quantity: d('0.1'), price: d(19_000) });
    tick(19_000, { liquidity: 0.04 });
    expect([statusOf(placed.clientOrderId), balance('USDT')]).toEqual(['PARTIALLY_FILLED', ['8100', '1140']]);
    tick(19_000, { liquidity: 0.06 });
    expect(statusOf(placed.clientOrderId)).toBe('FILLED');
  });

  it('that crosses takes at the better price and gives the rest of its lock back', () => {
    place({ type: 'LIMIT', timeInForce: 'GTC', quantity: d('0.1'), price: d(21_000) });
    expect(balance('USDT')).toEqual(['8000', '0']);
  });

  it('gives its lock back when it is cancelled', () => {
    const { order: placed } = place({ type: 'LIMIT', timeInForce: 'GTC', quantity: d('0.1'), price: d(19_000) });
    expect(book.cancel(me, 'BTCUSDT', { orderId: placed.orderId }, 'mine', now)).toMatchObject({
      ok: true,
      value: { status: 'CANCELED', cancelClientOrderId: 'mine' },
    });
    expect(balance('USDT')).toEqual(['10000', '0']);
    expect(book.cancel(me, 'BTCUSDT', { orderId: placed.orderId }, null, now)).toMatchObject({ ok: false, refusal: { code: -2011 } });
  });

  it('IOC and FOK expire instead of resting', () => {
    tick(20_000, { liquidity: 0.05 });
    expect(place({ type: 'LIMIT', timeInForce: 'IOC', quantity: d('0.1'), price: d(20_000) }).order).toMatchObject({
      status: 'EXPIRED',
      expiryReason: 'UNFILLED_IOC_QUANTITY_EXPIRED',
    });
    const killed = place({ type: 'LIMIT', timeInForce: 'FOK', quantity: d('0.1'), price: d(20_000) }).order;
    expect([killed.status, killed.executedQuantity.toFixed()]).toEqual(['EXPIRED', '0']);
  });

  it('that only makes is refused when it would take', () => {
    expect(refusal({ type: 'LIMIT_MAKER', quantity: d('0.1'), price: d(20_000) })).toBe('-2010 Order would immediately match and take.');
    expect(refusal({ type: 'LIMIT_MAKER', quantity: d('0.1'), price: d(19_999) })).toBe('accepted');
  });
});

describe('contingent orders', () => {
  it.each([
    ['STOP_LOSS', 'SELL', 19_000, 19_001, 18_990],
    ['STOP_LOSS', 'BUY', 21_000, 20_999, 21_010],
    ['TAKE_PROFIT', 'SELL', 21_000, 20_999, 21_010],
    ['TAKE_PROFIT', 'BUY', 19_000, 19_001, 18_990],
  ] as const)('%s %s waits for its price', (type, side, stop, before, reached) => {
    const { order: placed } = place({ type, side, quantity: d('0.1'), stopPrice: d(stop) });
    tick(before);
    expect(statusOf(placed.clientOrderId)).toBe('NEW');
    tick(reached);
    expect(book.trades(me, 'BTCUSDT').at(-1)?.price.toFixed()).toBe(String(reached));
  });

  it('that would trigger at once is refused', () => {
    expect(refusal({ type: 'STOP_LOSS', side: 'SELL', quantity: d('0.1'), stopPrice: d(20_000) })).toBe(
      '-2010 Order would trigger immediately.',
    );
  });

  it('with a limit does not sell below it when the market jumps through', () => {
    const { order: placed } = place({
      type: 'STOP_LOSS_LIMIT',
      side: 'SELL',
      quantity: d('0.1'),
      stopPrice: d(19_000),
      price: d(18_950),
      timeInForce: 'GTC',
    });
    tick(18_000);
    expect(statusOf(placed.clientOrderId)).toBe('NEW');
    tick(18_960);
    expect(book.trades(me, 'BTCUSDT').at(-1)?.price.toFixed()).toBe('18950');
  });

  it('trails the best price by its delta', () => {
    const { order: placed } = place({ type: 'STOP_LOSS', side: 'SELL', quantity: d('0.1'), trailingDelta: 100 });
    tick(22_000);
    tick(21_781);
    expect(statusOf(placed.clientOrderId)).toBe('NEW');
    tick(21_780);
    expect(statusOf(placed.clientOrderId)).toBe('FILLED');
  });
});

describe('a price that moves through all prices on its way', () => {
  function moveThrough(price: number | string, distance = 0): readonly BookEvent[] {
    now += 1_000;
    const at = d(price);
    return book.moveThrough({ symbol: 'BTCUSDT', price: at, bid: at.minus(distance), ask: at.plus(distance), liquidity: null, atMs: now });
  }
  const fills = (): string[] => book.trades(me, 'BTCUSDT').map((trade) => `${trade.side} ${trade.price.toFixed()}`);

  it.each([
    ['STOP_LOSS', 'SELL', 19_000, 18_741.6],
    ['STOP_LOSS', 'BUY', 21_000, 21_300],
    ['TAKE_PROFIT', 'SELL', 21_000, 21_300],
    ['TAKE_PROFIT', 'BUY', 19_000, 18_741.6],
  ] as const)('executes a %s %s at its trigger, not where the price goes next', (type, side, stop, next) => {
    place({ type, side, quantity: d('0.1'), stopPrice: d(stop) });
    moveThrough(next);
    expect(fills()).toEqual([`${side} ${stop}`]);
    expect(book.lastTick('BTCUSDT')?.price.toNumber()).toBe(next);
  });

  it('executes each of several at its own, in the order in which it comes to them', () => {
    place({ type: 'STOP_LOSS', side: 'SELL', quantity: d('0.1'), stopPrice: d(18_900) });
    place({ type: 'STOP_LOSS', side: 'SELL', quantity: d('0.1'), stopPrice: d(19_000) });
    place({ type: 'TAKE_PROFIT', side: 'BUY', quantity: d('0.1'), stopPrice: d('18950.5') });
    place({ type: 'STOP_LOSS', side: 'SELL', quantity: d('0.1'), stopPrice: d(18_000) });
    moveThrough(18_500);
    expect(fills()).toEqual(['SELL 19000', 'BUY 18950.5', 'SELL 18900']);
  });

  it('executes a stop with a limit that lies between two of its points', () => {
    const limits = { type: 'STOP_LOSS_LIMIT', side: 'SELL', quantity: d('0.1'), timeInForce: 'GTC' } as const;
    place({ ...limits, stopPrice: d(19_000), price: d(18_950) });
    moveThrough(18_000);
    expect(fills()).toEqual(['SELL 19000']);
  });

  it('executes at the jump’s price what lies behind a jump', () => {
    place({ type: 'STOP_LOSS', side: 'SELL', quantity: d('0.1'), stopPrice: d(19_000) });
    tick(18_800);
    expect(fills()).toEqual(['SELL 18800']);
  });

  it('executes a trailing stop at the retrace from the best price, on the grid', () => {
    place({ type: 'STOP_LOSS', side: 'SELL', quantity: d('0.1'), trailingDelta: 33 });
    moveThrough('20100.01');
    moveThrough(19_000);
    // 0.33 % below 20100.01 is 20033.679967.
    expect(fills()).toEqual(['SELL 20033.67']);
  });

  it('begins to trail at the stop price on its way, and can come back from there in the same move', () => {
    place({ type: 'STOP_LOSS', side: 'SELL', quantity: d('0.1'), stopPrice: d(19_500), trailingDelta: 100 });
    moveThrough(19_000);
    expect(fills()).toEqual(['SELL 19305']);
  });

  it('keeps the distance of bid and ask on its way', () => {
    place({ type: 'STOP_LOSS', side: 'SELL', quantity: d('0.1'), stopPrice: d(19_000) });
    moveThrough(18_500, 2);
    expect(fills()).toEqual(['SELL 18998']);
  });

  it('counts once in the average price, whatever waited on its way', () => {
    place({ type: 'STOP_LOSS', side: 'SELL', quantity: d('0.1'), stopPrice: d(19_000) });
    moveThrough(18_000);
    expect(book.averagePrice('BTCUSDT', 5, now)?.toNumber()).toBe(19_000);
  });

  it('triggers nothing while the symbol does not trade', () => {
    place({ type: 'STOP_LOSS', side: 'SELL', quantity: d('0.1'), stopPrice: d(19_000) });
    book.setStatus('BTCUSDT', 'HALT');
    moveThrough(18_500);
    book.setStatus('BTCUSDT', 'TRADING');
    moveThrough(18_400);
    expect(fills()).toEqual(['SELL 18400']);
  });
});

describe('an OCO list', () => {
  const oco = () =>
    book.placeOco(
      me,
      {
        symbol: 'BTCUSDT',
        side: 'SELL',
        quantity: d('0.5'),
        listClientOrderId: 'list',
        above: { type: 'LIMIT_MAKER', clientOrderId: 'above', price: d(21_000) },
        below: { type: 'STOP_LOSS', clientOrderId: 'below', stopPrice: d(19_000) },
      },
      now,
    );

  it('locks its quantity once', () => {
    expect(oco()).toMatchObject({ ok: true });
    expect(balance('BTC')).toEqual(['0.5', '0.5']);
  });

  it('expires the other leg when one fills or triggers', () => {
    oco();
    tick(21_000);
    expect([statusOf('above'), statusOf('below'), balance('BTC')]).toEqual(['FILLED', 'EXPIRED', ['0.5', '0']]);
    book.deposit(me, 'BTC', d('0.5'), now);
    tick(20_000);
    oco();
    tick(18_900);
    expect([statusOf('above'), statusOf('below')]).toEqual(['EXPIRED', 'FILLED']);
  });

  it('expires the other leg as soon as one triggers, although it may not fill', () => {
    book.placeOco(
      me,
      {
        symbol: 'BTCUSDT',
        side: 'SELL',
        quantity: d('0.5'),
        listClientOrderId: 'list',
        above: { type: 'LIMIT_MAKER', clientOrderId: 'above', price: d(21_000) },
        below: { type: 'STOP_LOSS_LIMIT', clientOrderId: 'below', stopPrice: d(19_000), price: d(18_900), timeInForce: 'GTC' },
      },
      now,
    );
    tick(18_000);
    expect([statusOf('above'), statusOf('below'), balance('BTC')]).toEqual(['EXPIRED', 'NEW', ['0.5', '0.5']]);
  });

  it('goes as a whole when one leg is cancelled', () => {
    oco();
    book.cancel(me, 'BTCUSDT', { clientOrderId: 'above' }, null, now);
    expect([statusOf('above'), statusOf('below'), balance('BTC')]).toEqual(['CANCELED', 'CANCELED', ['1', '0']]);
  });

  it('with its legs on the wrong sides is refused', () => {
    const wrong = book.placeOco(
      me,
      {
        symbol: 'BTCUSDT',
        side: 'SELL',
        quantity: d('0.5'),
        listClientOrderId: 'list',
        above: { type: 'LIMIT_MAKER', clientOrderId: 'above', price: d(21_000) },
        below: { type: 'LIMIT_MAKER', clientOrderId: 'below', price: d(19_000) },
      },
      now,
    );
    expect(wrong).toMatchObject({ ok: false, refusal: { code: -1168 } });
  });
});

describe('orders that meet each other', () => {
  const other = 'other';
  beforeEach(() => {
    book.openAccount(other, { maker: d('0.001'), taker: d('0.002'), asset: 'received' });
    book.deposit(other, 'USDT', d(10_000), now);
    book.deposit(other, 'BTC', d(1), now);
    tick(20_000, { bid: 19_990, ask: 20_010, liquidity: 0.1 });
  });
  const sell = (account: string, price: number, quantity = '0.1', change: Partial<MatchingRequest> = {}) => {
    const result = book.place(
      account,
      order({ side: 'SELL', type: 'LIMIT', timeInForce: 'GTC', quantity: d(quantity), price: d(price), ...change }),
      now,
    );
    if (!result.ok) throw new Error(result.refusal.message);
    return result.value.order.clientOrderId;
  };
  const buyOf = (quantity: string, change: Partial<MatchingRequest> = {}) => {
    const result = book.place(me, order({ quantity: d(quantity), ...change }), now);
    if (!result.ok) throw new Error(result.refusal.message);
    const events = result.events.flatMap((event) => (event.type === 'order' ? [`${event.execution} ${event.order.status}`] : []));
    return { ...result.value, events };
  };
  const at = (account: string, clientOrderId: string) => book.order(account, 'BTCUSDT', { clientOrderId });

  it('trade at the price of the one that rests, the better price first, and share one trade id', () => {
    const [behind, within] = [sell(other, 20_020), sell(other, 20_005)];
    const { order: bought, trades } = buyOf('0.25');
    expect(trades.map(({ price, quantity }) => [price.toFixed(), quantity.toFixed()])).toEqual([
      ['20005', '0.1'],
      ['20010', '0.1'],
      ['20020', '0.05'],
    ]);
    expect(bought.status).toBe('FILLED');
    expect([at(other, within)?.status, at(other, behind)?.status]).toEqual(['FILLED', 'PARTIALLY_FILLED']);
    const theirs = book.trades(other, 'BTCUSDT');
    expect(theirs.map(({ tradeId, isMaker }) => [tradeId, isMaker])).toEqual([trades[0], trades[2]].map((trade) => [trade?.tradeId, true]));
  });

  it('fill a limit up to its price only, and rest with what is left', () => {
    sell(other, 20_005);
    const { order: bought } = buyOf('0.3', { type: 'LIMIT', timeInForce: 'GTC', price: d(20_005) });
    expect([bought.status, bought.executedQuantity.toFixed()]).toEqual(['PARTIALLY_FILLED', '0.1']);
    expect(refusal({ type: 'LIMIT', timeInForce: 'FOK', quantity: d('0.1'), price: d(20_005) })).toBe('accepted');
    expect(book.trades(me, 'BTCUSDT')).toHaveLength(1);
  });

  it('refuse one that may only make when it would meet another within the spread', () => {
    sell(other, 20_005);
    expect(refusal({ type: 'LIMIT_MAKER', quantity: d('0.1'), price: d(20_006) })).toMatch(/immediately match/);
  });

  it.each([
    ['EXPIRE_TAKER', 'EXPIRED_IN_MATCH', '0', 'NEW', ['NEW NEW', 'TRADE_PREVENTION EXPIRED_IN_MATCH']],
    ['EXPIRE_MAKER', 'FILLED', '0.1', 'EXPIRED_IN_MATCH', ['NEW NEW', 'TRADE_PREVENTION EXPIRED_IN_MATCH', 'TRADE FILLED']],
    [undefined, 'FILLED', '0.1', 'EXPIRED_IN_MATCH', ['NEW NEW', 'TRADE_PREVENTION EXPIRED_IN_MATCH', 'TRADE FILLED']],
    [
      'EXPIRE_BOTH',
      'EXPIRED_IN_MATCH',
      '0',
      'EXPIRED_IN_MATCH',
      ['NEW NEW', 'TRADE_PREVENTION EXPIRED_IN_MATCH', 'TRADE_PREVENTION EXPIRED_IN_MATCH'],
    ],
    ['NONE', 'FILLED', '0.1', 'FILLED', ['NEW NEW', 'TRADE FILLED', 'TRADE FILLED']],
  ] as const)('of one account do not trade with each other under %s', (mode, taker, executed, maker, events) => {
    const own = sell(me, 20_005);
    const done = buyOf('0.1', mode === undefined ? {} : { selfTradePrevention: mode });
    expect([done.order.status, done.order.executedQuantity.toFixed(), done.events]).toEqual([taker, executed, [...events]]);
    expect(at(me, own)?.status).toBe(maker);
    const ids = book.trades(me, 'BTCUSDT').map(({ tradeId }) => tradeId);
    expect(new Set(ids).size).toBe(mode === 'NONE' ? ids.length - 1 : ids.length);
    const locked = maker === 'NEW' ? '0.1' : '0';
    expect(balance('BTC')[1]).toBe(locked);
    expect(balance('USDT')[1]).toBe('0');
  });

  it('of one account, when the money ends at one of them, leave the next one alone', () => {
    const near = sell(me, 22_000, '0.5');
    const far = sell(me, 40_000);
    tick(20_000, { liquidity: 0 });
    const { order: bought } = buyOf('0.5', { selfTradePrevention: 'NONE' });
    expect([bought.status, bought.executedQuantity.toFixed(5)]).toEqual(['EXPIRED', '0.45454']);
    expect([at(me, near)?.status, at(me, far)?.status]).toEqual(['PARTIALLY_FILLED', 'NEW']);
  });

  it('take the rest of a list down with a leg that expires in match', () => {
    const list = book.placeOco(
      me,
      {
        symbol: 'BTCUSDT',
        side: 'SELL',
        quantity: d('0.1'),
        listClientOrderId: 'list',
        above: { type: 'LIMIT_MAKER', clientOrderId: 'target', price: d(20_005) },
        below: { type: 'STOP_LOSS', clientOrderId: 'stop', stopPrice: d(19_000) },
      },
      now,
    );
    expect(list.ok).toBe(true);
    expect(buyOf('0.1', { selfTradePrevention: 'EXPIRE_TAKER' }).order.status).toBe('EXPIRED_IN_MATCH');
    expect([statusOf('target'), statusOf('stop')]).toEqual(['NEW', 'NEW']);
    buyOf('0.1');
    expect([statusOf('target'), statusOf('stop')]).toEqual(['EXPIRED_IN_MATCH', 'EXPIRED']);
    expect(balance('BTC')[1]).toBe('0');
  });
});

describe('cancelReplace', () => {
  it('uses what the cancel frees', () => {
    const { order: old } = place({ type: 'LIMIT', timeInForce: 'GTC', quantity: d('0.5'), price: d(19_000) });
    const done = book.cancelReplace(
      me,
      {
        cancel: { orderId: old.orderId },
        mode: 'STOP_ON_FAILURE',
        replacement: order({ type: 'LIMIT', timeInForce: 'GTC', quantity: d('0.5'), price: d(19_900) }),
      },
      now,
    );
    expect([done.cancel.ok, done.placed.ok, balance('USDT')]).toEqual([true, true, ['50', '9950']]);
  });

  it('tells REJECTED of a replacement that is refused when the cancel has succeeded, and has no such order', () => {
    const { order: old } = place({ type: 'LIMIT', timeInForce: 'GTC', quantity: d('0.5'), price: d(19_000) });
    const replacement = order({ type: 'LIMIT', timeInForce: 'GTC', quantity: d('0.6'), price: d(19_000), clientOrderId: 'new' });
    const replace = (orderId: bigint) => book.cancelReplace(me, { cancel: { orderId }, mode: 'ALLOW_FAILURE', replacement }, now);
    const { events, placed } = replace(old.orderId);
    expect(placed).toMatchObject({ ok: false, refusal: { code: -2010 } });
    expect(events.filter((event) => event.type === 'order')).toMatchObject([
      { execution: 'CANCELED', order: { orderId: old.orderId }, refusal: null },
      { execution: 'REJECTED', order: { orderId: -1n, clientOrderId: 'new', status: 'REJECTED' }, refusal: { code: -2010 } },
    ]);
    expect(book.order(me, 'BTCUSDT', { clientOrderId: 'new' })).toBeNull();
    // Nothing was cancelled this time: the answer alone tells.
    expect(replace(old.orderId).events).toEqual([]);
    expect(place({ quantity: d('0.01') }).order.orderId).toBe(old.orderId + 1n);
  });

  it('stops or goes on when the cancel fails, as its mode says', () => {
    const replacement = () => order({ type: 'LIMIT', timeInForce: 'GTC', quantity: d('0.1'), price: d(19_000) });
    expect(book.cancelReplace(me, { cancel: { orderId: 99n }, mode: 'STOP_ON_FAILURE', replacement: replacement() }, now)).toMatchObject({
      cancel: { ok: false },
      placed: { ok: false, refusal: null },
    });
    expect(book.cancelReplace(me, { cancel: { orderId: 99n }, mode: 'ALLOW_FAILURE', replacement: replacement() }, now)).toMatchObject({
      cancel: { ok: false },
      placed: { ok: true },
    });
  });
});

describe('refusals', () => {
  it.each([
    ['an unknown symbol', { symbol: 'NOPE', quantity: d(1) }, '-1121'],
    ['too many decimals', { quantity: d('0.000000001') }, '-1111'],
    ['a quantity off the step', { quantity: d('0.000015') }, '-1013 Filter failure: LOT_SIZE'],
    [
      'a price off the tick',
      { type: 'LIMIT', timeInForce: 'GTC', quantity: d('0.1'), price: d('19000.001') },
      '-1013 Filter failure: PRICE_FILTER',
    ],
    ['too little worth', { quantity: d('0.0002') }, '-1013 Filter failure: NOTIONAL'],
    [
      'a price far from the market',
      { type: 'LIMIT', timeInForce: 'GTC', quantity: d('0.1'), price: d(3_000) },
      '-1013 Filter failure: PERCENT_PRICE_BY_SIDE',
    ],
    ['more than the account has', { quantity: d(1) }, '-2010 Account has insufficient balance'],
    ['a limit without a price', { type: 'LIMIT', timeInForce: 'GTC', quantity: d('0.1') }, "-1102 Mandatory parameter 'price'"],
  ] as const)('of %s', (_, change, expected) => {
    expect(refusal(change)).toContain(expected);
    expect(balance('USDT')).toEqual(['10000', '0']);
  });

  it('of a client id that an open order has, and not of one that is over', () => {
    place({ type: 'LIMIT', timeInForce: 'GTC', quantity: d('0.1'), price: d(19_000), clientOrderId: 'same' });
    expect(refusal({ quantity: d('0.01'), clientOrderId: 'same' })).toBe('-2010 Duplicate order sent.');
    tick(19_000);
    expect(refusal({ quantity: d('0.01'), clientOrderId: 'same' })).toBe('accepted');
  });

  it('of more open contingent orders than allowed', () => {
    for (let n = 0; n < 5; n += 1) place({ type: 'STOP_LOSS', side: 'SELL', quantity: d('0.01'), stopPrice: d(19_000 - n) });
    expect(refusal({ type: 'STOP_LOSS', side: 'SELL', quantity: d('0.01'), stopPrice: d(18_000) })).toBe(
      '-1013 Filter failure: MAX_NUM_ALGO_ORDERS',
    );
  });

  it('while the market is halted', () => {
    book.setStatus('BTCUSDT', 'HALT');
    expect(refusal({ quantity: d('0.1') })).toBe('-1013 Market is closed.');
  });
});

describe('the filters that a symbol publishes, at their very edges', () => {
  const limit = (price: string, quantity = '0.001', side: 'BUY' | 'SELL' = 'BUY') => ({
    type: 'LIMIT' as const,
    timeInForce: 'GTC' as const,
    side,
    price: d(price),
    quantity: d(quantity),
  });
  const listed = instrumentOf('BTCUSDT');

  it.each([
    ['PRICE_FILTER', { price: { min: d(19_000), max: d(21_000), tick: d('0.05') } }, limit('19000.00'), limit('18999.95')],
    ['PRICE_FILTER', { price: { min: d(19_000), max: d(21_000), tick: d('0.05') } }, limit('21000', '0.001', 'SELL'), limit('19000.01')],
    ['LOT_SIZE', { lot: { min: d('0.001'), max: d('0.01'), step: d('0.0005') } }, limit('19000', '0.0015'), limit('19000', '0.0016')],
    ['LOT_SIZE', { lot: { min: d('0.001'), max: d('0.01'), step: d('0.0005') } }, limit('19000', '0.01'), limit('19000', '0.0105')],
    [
      'MARKET_LOT_SIZE',
      { marketLot: { min: d('0.001'), max: d('0.01'), step: d(0) } },
      { quantity: d('0.01') },
      { quantity: d('0.01001') },
    ],
    ['NOTIONAL', {}, limit('20000', '0.00025'), limit('20000', '0.00024')],
    [
      'MIN_NOTIONAL',
      { notional: { min: d(10), applyMinToMarket: true, max: null, applyMaxToMarket: false, averagePriceMinutes: 5 } },
      { quantity: d('0.0005') },
      { quantity: d('0.00049') },
    ],
    ['NOTIONAL', {}, { quoteQuantity: d(5) }, { quoteQuantity: d('4.99999999') }],
    ['PERCENT_PRICE_BY_SIDE', {}, limit('4000', '0.01'), limit('3999.99', '0.01')],
    ['PERCENT_PRICE_BY_SIDE', {}, limit('100000', '0.01', 'SELL'), limit('100000.01', '0.01', 'SELL')],
    ['MAX_POSITION', { maxPosition: d('1.002') }, limit('19000', '0.002'), limit('19000', '0.00201')],
    ['MAX_NUM_ORDERS', { maxOrders: 0 }, { quantity: d('0.001') }, limit('19000')],
    [
      'TRAILING_DELTA',
      {},
      { type: 'STOP_LOSS' as const, side: 'SELL' as const, quantity: d('0.001'), trailingDelta: 2_000 },
      { type: 'STOP_LOSS' as const, side: 'SELL' as const, quantity: d('0.001'), trailingDelta: 2_001 },
    ],
  ] as const)('%s', (name, change, inside, outside) => {
    book.replaceInstrument({ ...listed, ...change });
    expect(refusal(outside)).toBe(`-1013 Filter failure: ${name}`);
    expect(refusal(inside)).toBe('accepted');
  });
});

describe('whatever is done', () => {
  const action = fc.oneof(
    fc.record({
      kind: fc.constant('tick' as const),
      cents: fc.integer({ min: 1_500_000, max: 2_500_000 }),
      liquidity: fc.option(fc.integer({ min: 1, max: 50 })),
    }),
    fc.record({
      kind: fc.constant('place' as const),
      buy: fc.boolean(),
      type: fc.constantFrom('MARKET' as const, 'LIMIT' as const, 'STOP_LOSS' as const, 'TAKE_PROFIT' as const),
      lots: fc.integer({ min: 50, max: 40_000 }),
      cents: fc.integer({ min: 1_500_000, max: 2_500_000 }),
    }),
    fc.record({ kind: fc.constant('cancel' as const), pick: fc.nat(50) }),
  );

  function run(actions: readonly (typeof action extends fc.Arbitrary<infer T> ? T : never)[]): BookEvent[] {
    const events: BookEvent[] = [];
    for (const step of actions) {
      now += 100;
      if (step.kind === 'tick')
        events.push(
          ...book.tick({
            symbol: 'BTCUSDT',
            price: d(step.cents).div(100),
            bid: d(step.cents).div(100),
            ask: d(step.cents).div(100),
            liquidity: step.liquidity === null ? null : d(step.liquidity).div(100),
            atMs: now,
          }),
        );
      else if (step.kind === 'cancel') {
        const open = book.openOrders(me, 'BTCUSDT');
        const target = open[step.pick % Math.max(1, open.length)];
        if (target !== undefined) {
          const result = book.cancel(me, 'BTCUSDT', { orderId: target.orderId }, null, now);
          if (result.ok) events.push(...result.events);
        }
      } else {
        const price = d(step.cents).div(100);
        const request: MatchingRequest = {
          symbol: 'BTCUSDT',
          side: step.buy ? 'BUY' : 'SELL',
          type: step.type,
          clientOrderId: `p${events.length}-${now}`,
          quantity: d(step.lots).times('0.00001'),
          ...(step.type === 'LIMIT' ? { price, timeInForce: 'GTC' as const } : step.type === 'MARKET' ? {} : { stopPrice: price }),
        };
        const result = book.place(me, request, now);
        if (result.ok) events.push(...result.events);
      }
    }
    return events;
  }

  const fresh = (): void => {
    book = createMatching();
    now = 1_000;
    book.list(instrumentOf('BTCUSDT'));
    book.openAccount(me, { maker: d('0.001'), taker: d('0.002'), asset: 'received' });
    book.deposit(me, 'USDT', d(10_000), now);
    book.deposit(me, 'BTC', d(1), now);
    tick(20_000);
  };

  it('conserves money: balances are deposits plus trades minus commissions, and locks are what open orders need', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        fresh();
        run(actions);
        const expected = { USDT: d(10_000), BTC: d(1) };
        for (const trade of book.trades(me, 'BTCUSDT')) {
          const sign = trade.side === 'BUY' ? 1 : -1;
          expected.BTC = expected.BTC.plus(trade.quantity.times(sign));
          expected.USDT = expected.USDT.minus(trade.quoteQuantity.times(sign));
          const asset = trade.commissionAsset as 'BTC' | 'USDT';
          expected[asset] = expected[asset].minus(trade.commission);
        }
        const open = book.openOrders(me, 'BTCUSDT');
        for (const { asset, free, locked } of book.balances(me)) {
          expect(free.gte(0) && locked.gte(0)).toBe(true);
          expect(free.plus(locked).toFixed()).toBe(expected[asset as 'BTC' | 'USDT'].toFixed());
          if (open.length === 0) expect(locked.toFixed()).toBe('0');
        }
        for (const one of book.orders(me, 'BTCUSDT')) expect(one.executedQuantity.lte(one.quantity)).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  it('the same actions give the same events', () => {
    const text = (events: readonly BookEvent[]): string =>
      JSON.stringify(events, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
    fc.assert(
      fc.property(fc.array(action, { maxLength: 30 }), (actions) => {
        fresh();
        const first = text(run(actions));
        fresh();
        expect(text(run(actions))).toBe(first);
      }),
      { numRuns: 50 },
    );
  });
});
