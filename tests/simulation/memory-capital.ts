/** The capital ledger of the rows in memory: what `admit_entries` and the capital store do in PostgreSQL, by the same rules. */
import type { CapitalReading, CapitalStore, FreeBalance } from '../../engine/persistence/capital-store.ts';
import type { Intent } from '../../engine/persistence/commit-intents.ts';
import { isTerminal } from '../../engine/persistence/order-store.ts';
import { readStateData } from '../../engine/persistence/state-data.ts';
import { balanceMaxAgeMs, refusedBy } from '../../engine/trading/capital.ts';
import type { AccountRefusal } from '../../engine/trading/capital.ts';
import { midnightBefore } from '../../engine/trading/day.ts';
import { exact, zero } from '../../engine/trading/exact.ts';
import { Decimal } from 'decimal.js';
import type { BotConfigRow } from '../../engine/persistence/bot-rows.ts';
import type { OrderRow, StateRow } from './memory-rows.ts';
import type { DatabaseTravel } from './memory-stores.ts';

export interface CapitalRow {
  free: Decimal;
  readAtMs: number;
  version: number;
  lossReachedMs: number | null;
}

export interface LimitsRow {
  readonly maxExposure: Decimal | null;
  readonly maxDailyLoss: Decimal | null;
}

interface Rows {
  readonly configs: ReadonlyMap<string, { readonly row: BotConfigRow }>;
  readonly states: ReadonlyMap<string, StateRow>;
  readonly orders: ReadonlyMap<string, OrderRow>;
}

interface Place {
  readonly venue: string;
  readonly account: string;
  readonly asset: string;
}

const keyOf = ({ venue, account, asset }: Place): string => `${venue} ${account} ${asset}`;

/** True while more of the entry may be executed. */
function moves({ state, exchangeOrderId }: OrderRow): boolean {
  return !isTerminal(state) || (state === 'never-placed' && exchangeOrderId !== null);
}

export class MemoryCapital {
  readonly capital = new Map<string, CapitalRow>();
  readonly limits = new Map<string, LimitsRow>();
  /** Entries that no reading contains yet, by client order id. */
  readonly #unsettled = new Map<string, OrderRow>();
  readonly #rows: Rows;

  constructor(rows: Rows) {
    this.#rows = rows;
  }

  setLimits(place: Place, limits: LimitsRow): void {
    this.limits.set(keyOf(place), limits);
  }

  /** An entry spends, or spends after all. */
  count(order: OrderRow): void {
    if (order.intent.reservation !== null) this.#unsettled.set(order.intent.clientOrderId, order);
  }

  /** Null when the account can bear the entry. */
  refusal({ venue, account, reservation, signedTimestampMs }: Intent, nowMs: number): AccountRefusal | null {
    if (reservation === null) return null;
    const place = { venue, account, asset: reservation.asset };
    const capital = this.capital.get(keyOf(place));
    const limits = this.limits.get(keyOf(place));
    const cost = exact(reservation.amount);
    const { reserved, pending } = this.#reserved(place);
    const dayMs = midnightBefore(signedTimestampMs);
    if (limits !== undefined && limits.maxDailyLoss !== null) {
      const loss = this.#dayLoss(place, dayMs);
      const reached = loss.gte(limits.maxDailyLoss);
      if (reached && capital !== undefined) capital.lossReachedMs = dayMs;
      if (reached || capital?.lossReachedMs === dayMs)
        return refusedBy('account-loss', { amount: loss, bound: limits.maxDailyLoss }, place);
    }
    if (limits !== undefined && limits.maxExposure !== null) {
      const exposure = this.#positions(place).plus(pending).plus(cost);
      if (exposure.gt(limits.maxExposure)) return refusedBy('account-exposure', { amount: exposure, bound: limits.maxExposure }, place);
    }
    const known = capital !== undefined && nowMs - capital.readAtMs < balanceMaxAgeMs;
    const left = known ? exact(capital.free).minus(reserved) : null;
    return left === null || cost.gt(left) ? refusedBy('account-capital', { amount: cost, bound: left }, place) : null;
  }

  #reserved(place: Place): { reserved: Decimal; pending: Decimal } {
    let [reserved, pending] = [zero, zero];
    for (const order of this.#of(place)) {
      const wanted = exact(order.intent.reservation?.amount ?? 0);
      reserved = reserved.plus(moves(order) ? Decimal.max(wanted, order.executedQuote) : order.executedQuote);
      if (moves(order)) pending = pending.plus(Decimal.max(wanted.minus(order.executedQuote), 0));
    }
    return { reserved, pending };
  }

  *#of({ venue, account, asset }: Place): Iterable<OrderRow> {
    for (const order of this.#unsettled.values()) {
      const { intent } = order;
      if (intent.venue === venue && intent.account === account && intent.reservation?.asset === asset) yield order;
    }
  }

  *#states({ venue, account, asset }: Place): Iterable<StateRow> {
    for (const state of this.#rows.states.values()) {
      const row = this.#rows.configs.get(state.botId)?.row;
      const { funds } = state.data;
      if (row?.mode === 'live' && row.venue === venue && funds?.account === account && funds.asset === asset) yield state;
    }
  }

  #positions(place: Place): Decimal {
    let sum = zero;
    for (const { data } of this.#states(place)) {
      const { position } = readStateData(data);
      sum = sum.plus(position.cost).plus(position.entryFees);
    }
    return sum;
  }

  #dayLoss(place: Place, dayMs: number): Decimal {
    let result = zero;
    for (const { data } of this.#states(place)) {
      const { day } = data;
      if (day === undefined || day === null || day.startMs !== dayMs || day.equity === undefined) continue;
      result = result.plus(day.equity).minus(day.startEquity);
    }
    return result.neg();
  }

  begin(venue: string, account: string, nowMs: number): CapitalReading {
    const known = new Map<string, { version: string; ageMs: number }>();
    const prefix = `${venue} ${account} `;
    for (const [key, row] of this.capital)
      if (key.startsWith(prefix)) known.set(key.slice(prefix.length), { version: String(row.version), ageMs: nowMs - row.readAtMs });
    const lossCapped = [...this.limits]
      .filter(([key, limits]) => key.startsWith(prefix) && limits.maxDailyLoss !== null)
      .map(([key]) => key.slice(prefix.length));
    const over = [...this.#unsettled.values()]
      .filter((order) => order.intent.venue === venue && order.intent.account === account && !moves(order))
      .map((order) => order.intent.clientOrderId);
    return { venue, account, begunAt: String(nowMs), known, over, lossCapped: lossCapped.sort() };
  }

  write({ venue, account, begunAt, known, over }: CapitalReading, balances: readonly FreeBalance[]): ReadonlySet<string> {
    const written = new Set<string>();
    for (const { asset, free } of balances) {
      const key = keyOf({ venue, account, asset });
      const row = this.capital.get(key);
      const expected = Number(known.get(asset)?.version ?? 0);
      if ((row?.version ?? 0) !== expected) continue;
      this.capital.set(key, {
        free,
        readAtMs: Number(begunAt),
        version: expected + 1,
        lossReachedMs: row?.lossReachedMs ?? null,
      });
      written.add(asset);
    }
    for (const id of over) if (written.has(this.#unsettled.get(id)?.intent.reservation?.asset ?? '')) this.#unsettled.delete(id);
    return written;
  }

  noteLosses(venue: string, account: string, atMs: number): void {
    const dayMs = midnightBefore(atMs);
    for (const [key, limits] of this.limits) {
      const capital = this.capital.get(key);
      const [, , asset = ''] = key.split(' ');
      if (!key.startsWith(`${venue} ${account} `) || limits.maxDailyLoss === null || capital === undefined) continue;
      if (this.#dayLoss({ venue, account, asset }, dayMs).gte(limits.maxDailyLoss)) capital.lossReachedMs = dayMs;
    }
  }
}

export function createMemoryCapitalStore({
  capital,
  travel,
  now,
}: {
  readonly capital: MemoryCapital;
  readonly travel: DatabaseTravel;
  readonly now: () => number;
}): CapitalStore {
  return {
    begin: (venue, account) => travel('read', () => capital.begin(venue, account, now())),
    write: (reading, balances) => travel('write', () => capital.write(reading, balances)),
    noteLosses: (venue, account, atMs) => travel('write', () => capital.noteLosses(venue, account, atMs)),
  };
}
