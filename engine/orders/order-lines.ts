/** The lines of this process, by bot, and by account and symbol: the exchange's limits count the orders of one symbol of one account. */
import type { TradingAccount } from '../exchanges/exchange.ts';
import type { LiveOrder, OrderLine } from './order-line.ts';

export class OrderLines {
  readonly #byBot = new Map<string, OrderLine>();
  readonly #byPlace = new Map<TradingAccount, Map<string, Set<OrderLine>>>();

  get(botId: string): OrderLine | undefined {
    return this.#byBot.get(botId);
  }

  values(): Iterable<OrderLine> {
    return this.#byBot.values();
  }

  keys(): Iterable<string> {
    return this.#byBot.keys();
  }

  /** A line of the bot that was there before is forgotten. */
  add(line: OrderLine): void {
    const { botId, account } = line.link;
    const { symbol } = line.link.instrument();
    const before = this.#byBot.get(botId);
    if (before !== undefined) this.delete(before);
    this.#byBot.set(botId, line);
    const symbols = this.#byPlace.get(account) ?? new Map<string, Set<OrderLine>>();
    this.#byPlace.set(account, symbols);
    const lines = symbols.get(symbol) ?? new Set();
    symbols.set(symbol, lines.add(line));
  }

  /** Leaves a newer line of the same bot alone. */
  delete(line: OrderLine): void {
    const { botId, account } = line.link;
    const { symbol } = line.link.instrument();
    if (this.#byBot.get(botId) === line) this.#byBot.delete(botId);
    const symbols = this.#byPlace.get(account);
    const lines = symbols?.get(symbol);
    lines?.delete(line);
    if (lines?.size === 0) symbols?.delete(symbol);
    if (symbols?.size === 0) this.#byPlace.delete(account);
  }

  /** The lines of the same account and symbol, the given one among them, in the order in which they came. */
  besides({ link }: OrderLine): Iterable<OrderLine> {
    return this.#byPlace.get(link.account)?.get(link.instrument().symbol) ?? [];
  }

  *orders(): Iterable<LiveOrder> {
    for (const line of this.#byBot.values()) yield* line.open.values();
  }
}
