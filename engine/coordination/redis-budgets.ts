/**
 * Budgets that replicas share over Redis. Request weight is asked for before each read (one round trip). Orders do not wait: order counts
 * and the venue's pauses are sent to every replica when they change, and read again every second in case a message was lost. A pause is
 * kept as a time to live, because the hosts' clocks differ. What Redis says is only a hint: it must be possible and concern a venue or account
 * that is used here, and it can delay what a position waits for only briefly.
 */
import type { Redis } from 'ioredis';
import type { Log } from '../observe/log.ts';
import type { Clock } from '../time/clock.ts';
import { readNews, readSilence, shortened, silenceMsMax } from './budget-news.ts';
import type { OrderBudget, RequestPriority, WeightAnswer, WeightBudget } from './coordination.ts';
import { createOrderCounts, once } from './order-budget.ts';
import { checkedBlock, checkedWeight, createVenueBudgets, defaultWeightLimit, isSharedLimit, shareOfLimit } from './weight-budget.ts';
import type { VenueBudget } from './weight-budget.ts';

export interface RedisBudgetsOptions {
  readonly keyPrefix: string;
  /** This process's token: it does not listen to itself. */
  readonly owner: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** While replicas cannot see each other, each uses a third of what the venue's count leaves. */
const blindShare = 1 / 3;
const readAgainMs = 1_000;
/** Many orders come at once: their number is sent at most this often. */
const tellOrdersMs = 50;
const orderNewsTtlMs = 86_400_000;

/**
 * Adds the weight if the sum stays within the share of the limit (which a replica that has heard it from the venue stores for the others).
 * Answers whether it was granted, the sum, a pause (what is left of it and why), and the limit.
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
  const hearStanding = (budget: VenueBudget, leftMs: unknown, reason: unknown): void => {
    const silence = readSilence(leftMs, reason);
    if (silence !== null) budget.hearOfSilence(silence.leftMs, silence.reason);
  };

  // A connection that listens can do nothing else.
  const ears = redis.duplicate({ keyPrefix: '', maxRetriesPerRequest: null, enableOfflineQueue: true, commandTimeout: undefined });
  ears.on('error', (error: Error) => log.debug({ err: error }, 'news of budgets are not heard; they are read every second'));
  ears.on('message', (_channel: string, message: string) => {
    hearNews(message, { owner, budgets, counts });
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
    venues.forEach((venue, index) => hearStanding(budgets.of(venue), answers[2 * index]?.[1], answers[2 * index + 1]?.[1]));
    accounts.forEach(([venue, account], index) => {
      const news = readNews(answers[2 * venues.length + index]?.[1]);
      if (news?.kind === 'orders' && news.from !== owner) counts.of(venue, account).hear(news.from, news.orders);
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
      // A replica that has just started knows no counts: it must not overwrite those of others.
      if (orders.windows.length > 0) told.set(key, text, 'PX', orderNewsTtlMs);
      timed('orders-tell', () => told.exec()).catch((error: unknown) =>
        log.debug({ err: error }, 'the other replicas were not told how many orders are out'),
      );
    });
  };

  /** Decided from what this process knows: only a share of what is left, because it does not see what others take. */
  const takeAlone = (budget: VenueBudget, wanted: number, priority: RequestPriority): WeightAnswer => {
    const answer = budget.decide(wanted, priority, blindShare);
    if (answer.granted) budget.window().pending += wanted;
    return answer;
  };

  const weight: WeightBudget = {
    async take(venue, asked, priority) {
      const wanted = checkedWeight(asked, priority);
      const budget = budgets.of(venue);
      const local = budget.decide(wanted, priority, 1);
      // The limit is not known here yet; another replica may have stored it.
      if (!local.granted && (budget.limitKnown || budget.silence() !== null)) return local;
      const window = budget.window();
      let answer: SharedAnswer | null;
      try {
        answer = readShared(
          await timed('weight-take', () =>
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
          ),
        );
      } catch (error) {
        log.debug({ err: error, venue }, 'the shared weight budget was not answered; a third of what is left is ours until it is');
        return takeAlone(budget, wanted, priority);
      }
      if (answer === null || (budget.observedLimit === null && !isSharedLimit(answer.limit))) {
        log.warn({ venue }, 'the shared weight budget holds what no engine wrote; a third of what is left is ours until that is over');
        return takeAlone(budget, wanted, priority);
      }
      budget.adoptLimit(answer.limit);
      if (answer.granted) {
        window.known += wanted + window.pending;
        window.pending = 0;
        return { granted: true };
      }
      if (answer.silence !== null) {
        budget.hearOfSilence(answer.silence.leftMs, answer.silence.reason);
        return takeAlone(budget, wanted, priority);
      }
      // Others' messages delay what positions wait for only for a while: the venue sends its own count with every answer.
      const waits = (priority !== 'exit' && priority !== 'protect') || budget.hearsay.leftMs() > 0;
      return waits ? budget.full(priority, wanted, answer.used, budget.ceiling(priority)) : takeAlone(budget, wanted, priority);
    },
    observe: (venue, used, limit, atVenueMs) => budgets.of(venue).observe(used, limit, atVenueMs),
    async blockUntil(venue, untilMs, reason) {
      checkedBlock(venue, untilMs);
      budgets.of(venue).block(untilMs, reason);
      const leftMs = Math.ceil(Math.min(untilMs - clock.now(), silenceMsMax));
      if (leftMs <= 0) return;
      const said = shortened(reason);
      const news = JSON.stringify({ kind: 'silence', from: owner, venue, leftMs, reason: said });
      try {
        await timed('weight-block', () => redis.eval(blockScript, 1, blockKey(venue), said, leftMs, channel, news));
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

/** Sends what is known here. */
export interface Hearer {
  readonly owner: string;
  readonly budgets: Pick<ReturnType<typeof createVenueBudgets>, 'known'>;
  readonly counts: Pick<ReturnType<typeof createOrderCounts>, 'known'>;
}

/** Anybody can have sent the message: it counts only for the venue and accounts that are used here. Never throws. */
export function hearNews(message: string, { owner, budgets, counts }: Hearer): void {
  const news = readNews(message);
  if (news === null || news.from === owner) return;
  if (news.kind === 'silence') budgets.known(news.venue)?.hearOfSilence(news.leftMs, shortened(news.reason));
  else counts.known(news.venue, news.account)?.hear(news.from, news.orders);
}

interface SharedAnswer {
  readonly granted: boolean;
  readonly used: number;
  readonly limit: number;
  readonly silence: ReturnType<typeof readSilence>;
}

/** What the script answered; null when its keys hold something that no engine wrote. */
function readShared(answer: unknown): SharedAnswer | null {
  const [granted, used, silentMs, reason, limit] = Array.isArray(answer) ? (answer as unknown[]) : [];
  if (typeof used !== 'number' || typeof limit !== 'number' || !(limit > 0)) return null;
  // More than twice the limit cannot have been used: the venue refuses what is beyond it.
  if (!(used >= 0) || used > 2 * limit) return null;
  if (granted === 1) return { granted: true, used, limit, silence: null };
  if (reason === '' && silentMs === 0) return { granted: false, used, limit, silence: null };
  const silence = readSilence(silentMs, reason);
  return silence === null ? null : { granted: false, used, limit, silence };
}
