/**
 * Budgets that replicas share over Redis. Request weight is asked for (one round trip before a read). Orders wait for
 * nobody: what the others count and a silence that the venue asked for are told to every replica as they happen, and read
 * again every second in case the news was lost. A silence is kept as a time to live, because hosts' clocks differ.
 */
import type { Redis } from 'ioredis';
import type { Log } from '../observe/log.ts';
import type { Clock } from '../time/clock.ts';
import type { OrderBudget, WeightBudget } from './coordination.ts';
import { createOrderCounts, once, readOrderCountNews } from './order-budget.ts';
import { blockMsMax, checkedBlock, checkedWeight, createVenueBudgets, defaultWeightLimit, shareOfLimit } from './weight-budget.ts';
import type { VenueBudget } from './weight-budget.ts';

export interface RedisBudgetsOptions {
  readonly keyPrefix: string;
  /** This process's token: it does not listen to itself. */
  readonly owner: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Replicas that cannot see each other share blindly what the venue's count leaves: a third each leaves room for three. */
const blindShare = 1 / 3;
const readAgainMs = 1_000;
/** Orders come in bunches: their number is told at most this often. */
const tellOrdersMs = 50;
const orderNewsTtlMs = 86_400_000;

/**
 * Adds the weight if the sum stays within the share of the limit, which whoever heard it from the venue tells the others;
 * answers granted, the sum, a silence (what is left of it and why), and the limit.
 */
const takeScript = `
local blocked = redis.call('GET', KEYS[2])
local used = tonumber(redis.call('GET', KEYS[1]) or '0')
local known = tonumber(ARGV[3])
if known > used then used = known end
local weight = tonumber(ARGV[1])
local limit = tonumber(ARGV[4])
if limit > 0 then redis.call('SET', KEYS[3], limit, 'PX', 86400000)
else limit = tonumber(redis.call('GET', KEYS[3]) or ARGV[5]) end
if blocked then return {0, used, redis.call('PTTL', KEYS[2]), blocked, limit} end
if used + weight > math.floor(limit * tonumber(ARGV[2])) then return {0, used, 0, '', limit} end
redis.call('SET', KEYS[1], used + weight, 'PX', 180000)
return {1, used + weight, 0, '', limit}`;

/** Keeps the longer silence and tells it. */
const blockScript = `
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
redis.call('PUBLISH', ARGV[3], ARGV[4])
return 1`;

type Timed = <T>(op: string, command: () => Promise<T>) => Promise<T>;

export interface RedisBudgets {
  readonly weight: WeightBudget;
  readonly orders: OrderBudget;
  close(): void;
}

export function createRedisBudgets(redis: Redis, options: RedisBudgetsOptions, timed: Timed): RedisBudgets {
  const { keyPrefix, owner, clock, log } = options;
  const budgets = createVenueBudgets(clock);
  const counts = createOrderCounts(clock);
  const channel = `${keyPrefix}budget-news`;

  const blockKey = (venue: string): string => `weight:${venue}:blocked`;
  const orderKey = (venue: string, account: string): string => `orders:${venue}:${account}`;
  const hearBlock = (budget: VenueBudget, leftMs: unknown, reason: unknown): void => {
    if (typeof leftMs === 'number' && leftMs > 0)
      budget.block(clock.now() + leftMs, typeof reason === 'string' ? reason : 'another engine says so');
  };

  // A connection that listens can do nothing else.
  const ears = redis.duplicate({ keyPrefix: '', maxRetriesPerRequest: null, enableOfflineQueue: true, commandTimeout: undefined });
  ears.on('error', (error: Error) => log.debug({ err: error }, 'news of budgets are not heard; they are read every second'));
  ears.on('message', (_channel: string, message: string) => {
    const news = parse(message);
    if (news?.['from'] === owner || typeof news?.['venue'] !== 'string') return;
    if (news['kind'] === 'silence') hearBlock(budgets.of(news['venue']), news['leftMs'], news['reason']);
    else if (typeof news['account'] === 'string' && typeof news['from'] === 'string') {
      const told = readOrderCountNews(news['orders']);
      if (told !== null) counts.of(news['venue'], news['account']).hear(news['from'], told);
    }
  });
  ears
    .subscribe(channel)
    .catch((error: unknown) => log.debug({ err: error }, 'news of budgets cannot be subscribed to; they are read every second'));

  const readAgain = async (): Promise<void> => {
    const accounts = [...counts.names()];
    const venues = [...new Set([...budgets.all()].map((budget) => budget.venue))];
    if (venues.length + accounts.length === 0) return;
    const pipeline = redis.pipeline();
    for (const venue of venues) pipeline.pttl(blockKey(venue)).get(blockKey(venue));
    for (const [venue, account] of accounts) pipeline.get(orderKey(venue, account));
    const answers = (await timed('budget-read', () => pipeline.exec())) ?? [];
    venues.forEach((venue, index) => hearBlock(budgets.of(venue), answers[2 * index]?.[1], answers[2 * index + 1]?.[1]));
    accounts.forEach(([venue, account], index) => {
      const news = parse(answers[2 * venues.length + index]?.[1]);
      const told = readOrderCountNews(news?.['orders']);
      if (news !== null && told !== null && typeof news['from'] === 'string' && news['from'] !== owner)
        counts.of(venue, account).hear(news['from'], told);
    });
  };
  const timer = clock.every(readAgainMs, () => {
    if (redis.status !== 'ready') return;
    readAgain().catch((error: unknown) => log.debug({ err: error }, 'the shared budgets were not answered'));
  });

  const telling = new Set<string>();
  const tellOrders = (venue: string, account: string): void => {
    const key = orderKey(venue, account);
    if (telling.has(key)) return;
    telling.add(key);
    clock.after(tellOrdersMs, () => {
      telling.delete(key);
      if (redis.status !== 'ready') return;
      const orders = counts.of(venue, account).news();
      const text = JSON.stringify({ kind: 'orders', from: owner, venue, account, orders });
      const told = redis.pipeline().publish(channel, text);
      // A newcomer that knows of no count yet must not write over what the others know.
      if (orders.windows.length > 0) told.set(key, text, 'PX', orderNewsTtlMs);
      timed('orders-tell', () => told.exec()).catch((error: unknown) =>
        log.debug({ err: error }, 'the other replicas were not told how many orders are out'),
      );
    });
  };

  const weight: WeightBudget = {
    async take(venue, asked, priority) {
      const wanted = checkedWeight(asked, priority);
      const budget = budgets.of(venue);
      const local = budget.decide(wanted, priority, 1);
      // Who does not know the limit yet asks those who may.
      if (!local.granted && (budget.limitKnown || budget.silence() !== null)) return local;
      const window = budget.window();
      try {
        const [granted, used, silentMs, reason, limit] = (await timed('weight-take', () =>
          redis.eval(
            takeScript,
            3,
            `weight:${venue}:${window.minute}`,
            blockKey(venue),
            `weight:${venue}:limit`,
            wanted,
            shareOfLimit[priority],
            window.known + window.pending,
            budget.observedLimit ?? 0,
            defaultWeightLimit,
          ),
        )) as [number, number, number, string, number];
        budget.adoptLimit(limit);
        window.known = Math.max(window.known, used);
        window.pending = 0;
        if (granted === 1) return { granted: true };
        if (silentMs <= 0) return budget.full(priority, wanted, used, budget.ceiling(priority));
        hearBlock(budget, silentMs, reason);
        return budget.decide(wanted, priority, 1);
      } catch (error) {
        log.debug({ err: error, venue }, 'the shared weight budget was not answered; a third of what is left is ours until it is');
        const answer = budget.decide(wanted, priority, blindShare);
        if (answer.granted) window.pending += wanted;
        return answer;
      }
    },
    observe: (venue, used, limit, atVenueMs) => budgets.of(venue).observe(used, limit, atVenueMs),
    async blockUntil(venue, untilMs, reason) {
      checkedBlock(venue, untilMs);
      budgets.of(venue).block(untilMs, reason);
      const leftMs = Math.ceil(Math.min(untilMs - clock.now(), blockMsMax));
      if (leftMs <= 0) return;
      const news = JSON.stringify({ kind: 'silence', from: owner, venue, leftMs, reason });
      try {
        await timed('weight-block', () => redis.eval(blockScript, 1, blockKey(venue), reason, leftMs, channel, news));
      } catch (error) {
        log.warn({ err: error, venue }, 'the other replicas could not be told that the venue wants silence');
      }
    },
    silence: (venue) => budgets.of(venue).silence(),
  };

  const orders: OrderBudget = {
    reserve(venue, account, wanted, priority, atVenueMs) {
      const count = counts.of(venue, account);
      // Whether orders may leave must be known before the first is asked for.
      budgets.of(venue);
      const refusal = count.refusal(wanted, priority, atVenueMs);
      if (refusal !== null) return { granted: false, ...refusal };
      count.add(wanted);
      tellOrders(venue, account);
      return {
        granted: true,
        release: once(() => {
          count.remove(wanted);
          tellOrders(venue, account);
        }),
      };
    },
    observe(venue, account, counted, atVenueMs) {
      counts.of(venue, account).observe(counted, atVenueMs);
      tellOrders(venue, account);
    },
    pause(venue, account, windowMs, atVenueMs) {
      counts.of(venue, account).pause(windowMs, atVenueMs);
      tellOrders(venue, account);
    },
    setLimits: (venue, account, limits) => counts.of(venue, account).setLimits(limits),
    limits: (venue, account) => counts.of(venue, account).limits,
  };

  return {
    weight,
    orders,
    close() {
      timer.cancel();
      ears.disconnect();
    },
  };
}

function parse(text: unknown): Record<string, unknown> | null {
  if (typeof text !== 'string') return null;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
