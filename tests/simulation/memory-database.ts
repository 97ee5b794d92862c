/**
 * The rows of an installation in memory, with the rules that PostgreSQL keeps for us: epochs, one open order per role,
 * client order ids and decisions used once, executions booked once, a terminal state that waits for its fills. Each method
 * is one transaction. `memory-stores.ts` puts the engine's ports over it.
 */
import { Decimal } from 'decimal.js';
import { tradeAfter } from '../../engine/persistence/book-fills.ts';
import type { BotConfigRow, BotRows } from '../../engine/persistence/bot-rows.ts';
import type { BotStatus, FinishedCommand, PendingCommand, Wish } from '../../engine/persistence/bot-store.ts';
import type { Intent, IntentVerdict } from '../../engine/persistence/commit-intents.ts';
import { lateReason, nextState } from '../../engine/persistence/order-life.ts';
import { isTerminal } from '../../engine/persistence/order-store.ts';
import type { ExecutionEvidence, OrderState, RecordAnswer, StoredOrder, TradingPlace } from '../../engine/persistence/order-store.ts';
import type { FillInAnswer, LostOrder } from '../../engine/persistence/reconcile-store.ts';
import { readStateData, writePosition } from '../../engine/persistence/state-data.ts';
import type { StateDataJson } from '../../engine/persistence/state-data.ts';
import { fullSafety } from '../../engine/safety.ts';
import type { Safety } from '../../engine/safety.ts';
import type { Fill } from '../../engine/trading/events.ts';
import type { KillSwitch } from '../../engine/kill-switch/kill-switch.ts';
import { exact, zero } from '../../engine/trading/exact.ts';
import { applyFill, commissionOf } from '../../engine/trading/position.ts';
import { MemoryCapital } from './memory-capital.ts';
import { byTime, fillKey, isAt, stored } from './memory-rows.ts';
import type { CommandRow, DatabaseWatch, FillRow, OrderRow, StateRow } from './memory-rows.ts';

export class MemoryDatabase {
  readonly configs = new Map<string, { row: BotConfigRow; active: boolean }>();
  readonly states = new Map<string, StateRow>();
  readonly orders = new Map<string, OrderRow>();
  readonly fills: FillRow[] = [];
  /** `about`: the client order id, or the day. */
  readonly outbox: { readonly topic: string; readonly about: string }[] = [];
  /** Those that stand, by bot. */
  readonly killSwitches = new Map<string, KillSwitch>();
  readonly #ordersOf = new Map<string, OrderRow[]>();
  readonly #fillsOf = new Map<string, FillRow[]>();
  readonly #fillKeys = new Set<string>();
  readonly commands: CommandRow[] = [];
  readonly #safety: Safety;
  readonly capital = new MemoryCapital(this);
  watch: DatabaseWatch | null = null;

  constructor(safety: Safety = fullSafety) {
    this.#safety = safety;
  }

  addBot(row: BotConfigRow, active = true): void {
    this.configs.set(row.id, { row, active });
  }

  /** A user changes the row: engines compare its version. */
  changeBot(
    botId: string,
    { active, ...columns }: { readonly active?: boolean; readonly positionSizePerc?: number; readonly stopLossPerc?: number },
  ): void {
    const config = this.configs.get(botId);
    if (config === undefined) return;
    config.active = active ?? config.active;
    config.row = { ...config.row, version: config.row.version + 1, columns: { ...config.row.columns, ...columns } };
  }

  giveCommand(botId: string, command: PendingCommand['command'], reason: string, expiresAtMs: number): void {
    this.commands.push({ id: String(this.commands.length + 1), botId, command, reason, expiresAtMs, ending: null });
  }

  ordersOf(botId: string): readonly OrderRow[] {
    return this.#ordersOf.get(botId) ?? [];
  }

  fillsOf(botId: string): readonly FillRow[] {
    return this.#fillsOf.get(botId) ?? [];
  }

  commit(holder: string, intents: readonly Intent[], nowMs: number): ReadonlyMap<string, IntentVerdict> {
    const verdicts = new Map<string, IntentVerdict>();
    for (const intent of intents) verdicts.set(intent.clientOrderId, this.#commitOne(holder, intent, nowMs));
    return verdicts;
  }

  #commitOne(holder: string, intent: Intent, nowMs: number): IntentVerdict {
    const state = this.states.get(intent.botId);
    if (state === undefined) return 'fenced';
    if (this.#safety.fence && (state.epoch !== intent.epoch || state.holder !== holder)) return 'fenced';
    const refusal = this.#safety.capital ? this.capital.refusal(intent, nowMs) : null;
    if (refusal !== null) return refusal;
    if (this.orders.has(intent.clientOrderId) || this.#clashes(intent)) return 'refused';
    const row = this.#insert(intent, nowMs, 'intended', {});
    this.capital.count(row);
    this.watch?.onCommitted(row, state.epoch);
    return 'committed';
  }

  /** An open order of the role in its slot, or the same decision. */
  #clashes({ botId, role, slot, decisionMs, attempt }: Intent): boolean {
    return this.ordersOf(botId).some(
      ({ intent, state }) =>
        intent.role === role &&
        ((this.#safety.positionCheck && intent.slot === slot && !isTerminal(state)) ||
          (intent.decisionMs === decisionMs && intent.attempt === attempt)),
    );
  }

  #insert(intent: Intent, nowMs: number, state: OrderState, evidence: OrderRow['evidence']): OrderRow {
    const row: OrderRow = {
      intent,
      createdAtMs: nowMs,
      state,
      exchangeOrderId: null,
      executedQuantity: zero,
      executedQuote: zero,
      evidence,
      filled: zero,
      filledQuote: zero,
      trade: null,
    };
    this.orders.set(intent.clientOrderId, row);
    const own = this.#ordersOf.get(intent.botId) ?? [];
    own.push(row);
    this.#ordersOf.set(intent.botId, own);
    return row;
  }

  /** A row made again from what the exchange has. */
  fillIn(holder: string, lost: LostOrder, nowMs: number): FillInAnswer {
    const state = this.states.get(lost.botId);
    const config = this.configs.get(lost.botId)?.row;
    if (state === undefined || config === undefined || state.epoch !== lost.epoch || state.holder !== holder) return 'fenced';
    if (this.orders.has(lost.clientOrderId)) return 'exists';
    const { evidence, ...known } = lost;
    const intent: Intent = {
      ...known,
      userId: config.userId,
      exitKind: null,
      price: null,
      stopPrice: null,
      slot: 0,
      reservation: null,
      saleBounds: null,
      referencePrice: 0,
      signedTimestampMs: lost.decisionMs,
      recvWindowMs: 1,
    };
    if (this.#clashes(intent)) return 'conflict';
    this.#insert(intent, nowMs, 'unknown', { 'filled-in': evidence });
    return 'filled-in';
  }

  /** Facts about bots that are still the holder's. */
  mergeState(holder: string, bots: readonly { readonly botId: string; readonly epoch: number; readonly data: StateDataJson }[]): void {
    for (const { botId, epoch, data } of bots) {
      const state = this.states.get(botId);
      if (state?.epoch === epoch && state.holder === holder) state.data = { ...state.data, ...data };
    }
  }

  committed(ids: readonly string[]): ReadonlySet<string> {
    return new Set(ids.filter((id) => this.orders.has(id)));
  }

  record(holder: string, evidence: ExecutionEvidence): RecordAnswer {
    const state = this.states.get(evidence.botId);
    if (state === undefined) return { verdict: 'fenced' };
    if (this.#safety.epochInWrites && (state.epoch !== evidence.epoch || state.holder !== holder)) return { verdict: 'fenced' };
    const order = this.orders.get(evidence.clientOrderId);
    if (order === undefined || order.intent.botId !== evidence.botId) return { verdict: 'no-such-order' };
    const before = { state: order.state, executedQuantity: order.executedQuantity };
    const denied = order.state === 'never-placed' && order.exchangeOrderId === null;
    order.exchangeOrderId ??= evidence.exchangeOrderId;
    const newFills = this.#book(order, state, evidence);
    const missing = this.#advance(order, evidence);
    const late = denied && (order.exchangeOrderId !== null || order.executedQuantity.gt(0)) ? lateReason(order.intent) : null;
    if (late !== null) {
      state.data = { ...state.data, heldReason: late };
      this.capital.count(order);
    }
    this.watch?.onOrderChanged(order, before);
    return { verdict: 'recorded', order: stored(order), newFills, trade: order.trade, missing, late };
  }

  #book(order: OrderRow, state: StateRow, evidence: ExecutionEvidence): readonly Fill[] {
    const { intent } = order;
    const fresh = [...new Map(evidence.fills.map((fill) => [fill.tradeId, fill])).values()]
      .filter((fill) => !this.#safety.uniqueFillKey || !this.#fillKeys.has(fillKey(intent, fill.tradeId)))
      .sort(byTime);
    if (fresh.length === 0) return [];
    const data = readStateData(state.data);
    let { position, realisedTotal } = data;
    const booked: Fill[] = [];
    for (const reported of fresh) {
      const { tradeId, price, quantity, commission, commissionAsset, atMs } = reported;
      const { clientOrderId, role, exitKind, side, saleBounds } = intent;
      const commissionWorth = commissionOf(reported, evidence.instrument).inQuote;
      const fill: Fill = {
        tradeId,
        clientOrderId,
        role,
        exitKind,
        side,
        price,
        quantity,
        commission,
        commissionAsset,
        commissionWorth,
        saleBounds,
        atMs,
      };
      const result = applyFill(position, fill, evidence.instrument);
      position = result.position;
      realisedTotal = exact(realisedTotal).plus(result.realisedPnl);
      order.filled = exact(order.filled).plus(quantity);
      order.filledQuote = exact(order.filledQuote).plus(exact(quantity).times(price));
      order.trade = tradeAfter(order.trade, [{ ...result, fill }]);
      const row: FillRow = { id: this.fills.length + 1, botId: intent.botId, symbol: intent.symbol, fill, source: evidence.source };
      this.#fillKeys.add(fillKey(intent, tradeId));
      this.fills.push(row);
      const own = this.#fillsOf.get(intent.botId) ?? [];
      own.push(row);
      this.#fillsOf.set(intent.botId, own);
      booked.push(fill);
      this.watch?.onFill(row);
    }
    const funds = { account: intent.account, asset: evidence.instrument.quoteAsset };
    state.data = { ...state.data, position: writePosition(position), realisedTotal: realisedTotal.toFixed(), funds };
    return booked;
  }

  #advance(order: OrderRow, evidence: ExecutionEvidence): Decimal {
    order.executedQuantity = Decimal.max(order.executedQuantity, evidence.executedQuantity ?? 0, order.filled);
    order.executedQuote = Decimal.max(order.executedQuote, evidence.executedQuote ?? 0, order.filledQuote);
    const missing = order.executedQuantity.minus(order.filled);
    const next = nextState(order.state, evidence.state, {
      executed: order.executedQuantity.gt(0),
      known: order.exchangeOrderId !== null,
      complete: missing.lte(0),
    });
    if (next === order.state) return missing;
    order.state = next;
    if (evidence.proof !== null) order.evidence = { ...order.evidence, [next]: evidence.proof };
    if (isTerminal(next)) this.outbox.push({ topic: `order-${next}`, about: order.intent.clientOrderId });
    return missing;
  }

  byExchangeId(place: TradingPlace, ids: readonly string[]): readonly StoredOrder[] {
    const wanted = new Set(ids);
    const found: StoredOrder[] = [];
    for (const order of this.orders.values()) {
      const { exchangeOrderId, intent } = order;
      if (exchangeOrderId !== null && wanted.has(exchangeOrderId) && isAt(intent, place)) found.push(stored(order));
    }
    return found;
  }

  lastTradeId(place: TradingPlace, beforeMs: number): string | null {
    let last: bigint | null = null;
    for (const row of this.fills) {
      if (row.symbol !== place.symbol || row.fill.atMs >= beforeMs || !/^\d+$/.test(row.fill.tradeId)) continue;
      const intent = this.orders.get(row.fill.clientOrderId)?.intent;
      if (intent === undefined || !isAt(intent, place)) continue;
      const id = BigInt(row.fill.tradeId);
      if (last === null || id > last) last = id;
    }
    return last === null ? null : last.toString();
  }

  wishes(nowMs: number): readonly Wish[] {
    const wishes: Wish[] = [];
    for (const { row, active } of this.configs.values()) {
      const state = this.states.get(row.id);
      const unfinished = (state?.data.position?.openedAtMs ?? null) !== null || this.#hasOpenOrder(row.id);
      const commands = this.pendingCommands([row.id], nowMs);
      const toClose = commands.some(({ command }) => command === 'close-position');
      if (active || unfinished || toClose || (state?.holder ?? null) !== null)
        wishes.push({
          botId: row.id,
          wanted: active,
          unfinished,
          configVersion: row.version,
          venue: row.venue,
          epoch: state?.epoch ?? 0,
          holder: state?.holder ?? null,
          commanded: commands.length > 0,
        });
    }
    return wishes;
  }

  #hasOpenOrder(botId: string): boolean {
    for (const order of this.orders.values()) if (order.intent.botId === botId && !isTerminal(order.state)) return true;
    return false;
  }

  claim(holder: string, botIds: readonly string[]): ReadonlyMap<string, number> {
    const epochs = new Map<string, number>();
    for (const botId of botIds) {
      if (!this.configs.has(botId)) continue;
      const before = this.states.get(botId);
      const state: StateRow = before ?? { botId, holder, epoch: 0, running: true, message: 'starting', data: {}, lastExecutionMs: null };
      Object.assign(state, { holder, epoch: state.epoch + 1, running: true, message: 'starting' });
      this.states.set(botId, state);
      epochs.set(botId, state.epoch);
      this.watch?.onClaimed(botId, state.epoch, state.epoch - 1);
    }
    return epochs;
  }

  release(holder: string, bots: readonly { readonly botId: string; readonly message: string }[]): void {
    for (const { botId, message } of bots) {
      const state = this.states.get(botId);
      if (state?.holder === holder) Object.assign(state, { holder: null, running: false, message });
    }
  }

  load(botIds: readonly string[]): ReadonlyMap<string, BotRows> {
    const bots = new Map<string, BotRows>();
    for (const botId of botIds) {
      const config = this.configs.get(botId);
      if (config === undefined) continue;
      const state = this.states.get(botId);
      bots.set(botId, {
        config: config.row,
        stateData: readStateData(state?.data ?? {}),
        lastExecutionMs: state?.lastExecutionMs ?? null,
        orders: this.ordersOf(botId).map(stored),
        fills: this.#fillsAfter(botId, state?.data.checkpoint?.throughFillId ?? '0'),
      });
    }
    return bots;
  }

  #fillsAfter(botId: string, throughFillId: string): BotRows['fills'] {
    return this.fillsOf(botId)
      .filter(({ id }) => id > Number(throughFillId))
      .map(({ id, fill }) => ({ ...fill, id: String(id) }));
  }

  writeStatuses(holder: string, statuses: readonly BotStatus[]): ReadonlySet<string> {
    const written = new Set<string>();
    for (const { botId, epoch, message, lastExecutionMs, stateData } of statuses) {
      const state = this.states.get(botId);
      if (state === undefined) continue;
      if (this.#safety.epochInWrites && (state.epoch !== epoch || state.holder !== holder)) continue;
      state.message = message;
      this.#tellNotices(state.data, stateData);
      state.data = { ...state.data, ...stateData };
      state.lastExecutionMs = lastExecutionMs ?? state.lastExecutionMs;
      written.add(botId);
    }
    return written;
  }

  /** A notice becomes an event when it first comes into the row. */
  #tellNotices({ notices: told = [] }: StateDataJson, { notices = [] }: StateDataJson): void {
    for (const { topic, dayStartMs } of notices)
      if (!told.some((one) => one.topic === topic && one.dayStartMs === dayStartMs)) this.outbox.push({ topic, about: String(dayStartMs) });
  }

  pendingCommands(botIds: readonly string[], nowMs: number): readonly PendingCommand[] {
    if (this.commands.length === 0) return [];
    const wanted = new Set(botIds);
    return this.commands
      .filter((row) => row.ending === null && row.expiresAtMs > nowMs && wanted.has(row.botId))
      .map(({ id, botId, command, reason, expiresAtMs }) => ({ id, botId, command, reason, leftMs: expiresAtMs - nowMs }));
  }

  finishCommands(finished: readonly FinishedCommand[]): void {
    for (const ending of finished) {
      const row = this.commands.find((command) => command.id === ending.id);
      if (row?.ending === null) row.ending = ending;
    }
  }
}
