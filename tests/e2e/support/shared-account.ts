/**
 * Fifty bots of five users on one symbol of one account, run by two engines over one stepped simulator; and a fold of the
 * exchange's own ledger, per bot, that shares no code with the engine's.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Decimal as Standard } from 'decimal.js';
import pg from 'pg';
import { startEngineProcess } from './engine-process.ts';
import type { EngineProcess } from './engine-process.ts';
import { eventually } from './processes.ts';
import { replayedMarket } from './replay.ts';
import { startSimulatorProcess } from './simulator-process.ts';
import type { LedgerTrade, SimulatorProcess } from './simulator-process.ts';

const Decimal = Standard.clone({ precision: 80, rounding: Standard.ROUND_HALF_EVEN });
type Amount = InstanceType<typeof Decimal>;

export const users = 5;
export const bots = 50;
export const minuteMs = 60_000;

export interface SharedAccount {
  readonly simulator: SimulatorProcess;
  readonly engines: readonly EngineProcess[];
  readonly db: pg.Client;
}

export async function beginSharedAccount(options: { readonly databaseUrl: string; readonly redisUrl: string }): Promise<SharedAccount> {
  const simulator = await startSimulatorProcess(replayedMarket);
  const dataDir = mkdtempSync(join(tmpdir(), 'evenkeel-shared-account-'));
  const env = {
    DATABASE_URL: options.databaseUrl,
    REDIS_URL: options.redisUrl,
    EVENKEEL_CLAIM_POLL_MS: '200',
    // The exchange lets five stops of one symbol rest on an account; these bots have more.
    EVENKEEL_STOPS: 'engine',
    // Neither engine can run all of them.
    EVENKEEL_CAPACITY: String(Math.ceil(bots * 0.6)),
    ...simulator.env,
  };
  const first = await startEngineProcess(env, dataDir);
  const second = await startEngineProcess(env, mkdtempSync(join(tmpdir(), 'evenkeel-shared-account-')), dataDir);
  const db = new pg.Client({ connectionString: options.databaseUrl });
  await db.connect();
  await insertBots(db);
  const shared = { simulator, engines: [first, second], db };
  await settled(shared, (await simulator.state()).nowMs - 1);
  return shared;
}

/** With which a user asks the engines: each sees the user's own bots. */
export const tokenOf = (userId: string): string => `ek_${userId.padStart(43, '0')}`;

/** Different strategies, sizes, averages and stops; user u has the bots whose number is u modulo five. */
async function insertBots(db: pg.Client): Promise<void> {
  await db.query(
    `insert into users (email, hashed_password, is_active, role, created_at, updated_at)
     select 'user' || n || '@localhost', '!', true, 'operator', now(), now() from generate_series(2, $1::int) n`,
    [users],
  );
  await db.query(
    `insert into api_tokens (user_id, name, token_hash, scopes, created_at)
     select id, 'asks', encode(sha256(('ek_' || lpad(id::text, 43, '0'))::bytea), 'hex'), array['read'], now() from users`,
  );
  await db.query(
    `insert into bot_configs (user_id, name, symbol, timeframe, is_active, initial_capital, position_size_perc, position_size_fixed,
       trailing_stop_active, trailing_stop_perc, stop_loss_perc, take_profit_perc, ema_fast, ema_slow, rsi_period, rsi_oversold, rsi_overbought,
       check_interval_seconds, strategy, ema_period, position_type, auto_transfer_funds, leverage, mode, venue, direction, margin_type, version,
       created_at, updated_at)
     select (select id from users order by id offset n % $1::int limit 1), 'bot ' || n, 'BTCUSDT', '1m', true, 1000 + 137 * n,
       case when n % 3 = 0 then null else 20 + n end, case when n % 3 = 0 then 250 + 11 * n end,
       n % 7 = 0, case when n % 7 = 0 then 0.3 + 0.02 * n end, case when n % 2 = 0 then 0.2 + 0.01 * n end,
       case when n % 5 = 0 then 0.3 + 0.01 * n end,
       2 + n % 6, 9 + n % 8, 7 + n % 9, 38, 62, 1 + n % 4, (array['ema_cross', 'rsi', 'ema_rsi', 'ema_trend_rsi'])[1 + n % 4], 30 + n, 'spot',
       false, 1, 'live', 'simulated', 'long', 'isolated', 1, now(), now()
     from generate_series(0, $2::int - 1) n`,
    [users, bots],
  );
}

/** Waits until the engines run all bots between them, each has decided on the close at `closeMs`, and nothing is in flight. */
async function settled({ engines }: SharedAccount, closeMs: number): Promise<void> {
  await eventually(`${bots} bots settled through ${new Date(closeMs).toISOString()}`, 60_000, async () => {
    const told = await Promise.all(engines.map((engine) => engine.status()));
    const running = told.reduce((sum, { botsRunning }) => sum + botsRunning, 0);
    return running === bots && told.every(({ settledThroughMs }) => settledThroughMs !== null && settledThroughMs >= closeMs);
  }).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${engines.map((engine) => engine.process.output().slice(-20_000)).join('\n---\n')}`);
  });
}

export async function driveSharedAccount(shared: SharedAccount, candles: number): Promise<void> {
  let closeMs = (await shared.simulator.state()).nowMs - 1;
  for (let index = 0; index < candles; index += 1) {
    await shared.simulator.step();
    closeMs += minuteMs;
    await settled(shared, closeMs);
  }
}

export async function endSharedAccount({ simulator, engines, db }: SharedAccount): Promise<void> {
  await db.end();
  await Promise.all(engines.map((engine) => engine.process.end('SIGTERM')));
  await simulator.process.end('SIGTERM');
}

/** What one bot has, as amounts in plain text. */
export interface Account {
  readonly position: string;
  readonly cost: string;
  readonly entryFees: string;
  readonly realised: string;
  readonly trades: number;
}

const plain = (value: string | null | undefined): string => new Decimal(value ?? 0).toFixed();

/** What the rows say of each bot; the realised profit both from its state and as the sum of its trades. */
export async function storedAccounts(db: pg.Client): Promise<ReadonlyMap<string, Account & { readonly realisedByTrades: string }>> {
  const { rows } = await db.query<Record<string, string | null> & { id: string }>(
    `select c.id::text as id, s.state_data->'position'->>'quantity' as position, s.state_data->'position'->>'cost' as cost,
            s.state_data->'position'->>'entryFees' as fees, s.state_data->>'realisedTotal' as realised,
            (select sum(t.realized_pnl)::text from trades t where t.bot_config_id = c.id) as by_trades,
            (select count(*)::text from fills f where f.bot_config_id = c.id) as fills
     from bot_configs c join bot_state s on s.bot_config_id = c.id`,
  );
  return new Map(
    rows.map((row) => [
      row.id,
      {
        position: plain(row['position']),
        cost: plain(row['cost']),
        entryFees: plain(row['fees']),
        realised: plain(row['realised']),
        realisedByTrades: plain(row['by_trades']),
        trades: Number(row['fills']),
      },
    ]),
  );
}

/** Whose order an execution is: the second part of our client order id is the bot's number in base 36. */
const botOf = (clientOrderId: string): string => String(Number.parseInt(clientOrderId.split('-')[1] ?? '', 36));

/**
 * Each bot's account by the exchange's executions alone: a buy adds what was received at its cost, a fee in coins counts as cost
 * of the entry, a sale takes its share of both (rounded half to even at 18 decimals).
 */
export function foldedAccounts(trades: readonly LedgerTrade[]): ReadonlyMap<string, Account> {
  const accounts = new Map<string, Account>();
  for (const [bot, own] of Map.groupBy(trades, ({ clientOrderId }) => botOf(clientOrderId))) {
    let [position, cost, fees, realised] = [new Decimal(0), new Decimal(0), new Decimal(0), new Decimal(0)];
    for (const { side, price, quantity, commission, commissionAsset } of own) {
      const paid = new Decimal(quantity).times(price);
      if (side === 'BUY') {
        if (commissionAsset !== 'BTC') throw new Error(`a buy paid its fee in ${commissionAsset}`);
        const fee = new Decimal(commission).times(price);
        position = position.plus(quantity).minus(commission);
        cost = cost.plus(paid).minus(fee);
        fees = fees.plus(fee);
        continue;
      }
      if (commissionAsset !== 'USDT') throw new Error(`a sale paid its fee in ${commissionAsset}`);
      const share = (amount: Amount): Amount =>
        position.lte(quantity) ? amount : amount.times(quantity).div(position).toDecimalPlaces(18, Decimal.ROUND_HALF_EVEN);
      const [soldCost, soldFees] = [share(cost), share(fees)];
      realised = realised.plus(paid).minus(soldCost).minus(soldFees).minus(commission);
      [position, cost, fees] = [position.minus(quantity), cost.minus(soldCost), fees.minus(soldFees)];
    }
    accounts.set(bot, {
      position: position.toFixed(),
      cost: cost.toFixed(),
      entryFees: fees.toFixed(),
      realised: realised.toFixed(),
      trades: own.length,
    });
  }
  return accounts;
}

/** What all bots together have moved: coins held, and money gained less what is bound in positions. */
export function sumOf(accounts: Iterable<Account>): { readonly base: string; readonly quote: string } {
  let [base, quote] = [new Decimal(0), new Decimal(0)];
  for (const { position, cost, entryFees, realised } of accounts) {
    base = base.plus(position);
    quote = quote.plus(realised).minus(cost).minus(entryFees);
  }
  return { base: base.toFixed(), quote: quote.toFixed() };
}

/** What the account has of an asset, free and locked, less what it began with. */
export async function movedAtExchange(simulator: SimulatorProcess, asset: string, began: string): Promise<string> {
  const balance = (await simulator.ledger()).balances.find((one) => one.asset === asset);
  return new Decimal(balance?.free ?? 0)
    .plus(balance?.locked ?? 0)
    .minus(began)
    .toFixed();
}
