/** What an installation has from its first start: one user who owns it, and, when everything is embedded, three paper bots to look at. */
import type { MikroORM } from '@mikro-orm/postgresql';
import { Decimal } from 'decimal.js';
import { BotConfig, User } from '../../entities/index.ts';
import { lockUntilCommit } from '../database/locks.ts';
import { defaultColumns } from '../trading/bot-columns.ts';

export interface Owner {
  readonly userId: string;
  /** True when the user was made now. */
  readonly created: boolean;
}

/** The first user, made when there is none. Replicas that start together make one. */
export async function ensureOwner(orm: MikroORM, now: Date): Promise<Owner> {
  return orm.em.fork().transactional(async (em) => {
    await lockUntilCommit(em, 'firstUser');
    const first = await em.findOne(User, { id: { $ne: null } }, { orderBy: { id: 'asc' } });
    if (first !== null) return { userId: first.id, created: false };
    const owner = em.create(User, {
      email: 'owner@localhost',
      hashedPassword: '!',
      isActive: true,
      role: 'owner',
      resetToken: null,
      resetTokenExpires: null,
      createdAt: now,
      updatedAt: now,
    });
    await em.flush();
    return { userId: owner.id, created: true };
  });
}

/** Who owns the installation; null before its first start. */
export async function firstUser(orm: MikroORM): Promise<string | null> {
  const first = await orm.em.fork().findOne(User, { id: { $ne: null } }, { orderBy: { id: 'asc' } });
  return first?.id ?? null;
}

const demoBots = [
  {
    name: 'btc crossing averages',
    symbol: 'BTCUSDT',
    strategy: 'ema_cross',
    emaFast: 3,
    emaSlow: 8,
    positionSizePerc: 25,
    stopLossPerc: 2,
    takeProfitPerc: null,
  },
  {
    name: 'eth average and momentum',
    symbol: 'ETHUSDT',
    strategy: 'ema_rsi',
    emaFast: 4,
    emaSlow: 9,
    positionSizePerc: 30,
    stopLossPerc: 1.5,
    takeProfitPerc: 3,
  },
  {
    name: 'sol back from oversold',
    symbol: 'SOLUSDT',
    strategy: 'rsi',
    emaFast: 12,
    emaSlow: 26,
    positionSizePerc: 20,
    stopLossPerc: 2,
    takeProfitPerc: 2,
  },
] as const;

/** Three active paper bots on one-second candles of the embedded market. */
export async function seedDemoBots(orm: MikroORM, userId: string, now: Date): Promise<void> {
  const em = orm.em.fork();
  for (const bot of demoBots) {
    em.create(BotConfig, {
      ...defaultColumns,
      ...bot,
      rsiPeriod: 7,
      rsiOversold: 35,
      rsiOverbought: 65,
      user: em.getReference(User, userId),
      timeframe: '1s',
      isActive: true,
      initialCapital: new Decimal(10_000),
      maxDailyLossPerc: 10,
      apiKey: null,
      venue: 'simulated',
      version: 1,
      deletedAt: null,
      createdAt: now,
      updatedAt: now,
    });
  }
  await em.flush();
}
