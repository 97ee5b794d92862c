/** Which reads of the exchange denied which orders to which process: a resting stop may be given up only when both reads denied it, twice. */

interface Denial {
  readonly atMs: number;
  readonly process: string;
}

/** Younger ones than this are remembered. */
const keptMs = 120_000;

export class Denials {
  readonly #now: () => number;
  /** By client order id. */
  readonly #byOrder = new Map<string, Denial[]>();
  /** Readings of all open orders: what is not among the shown is denied. */
  #readings: (Denial & { readonly shown: ReadonlySet<string> })[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  onOrder(process: string, clientOrderId: string, found: boolean): void {
    if (found) return;
    const denials = this.#byOrder.get(clientOrderId) ?? [];
    denials.push({ atMs: this.#now(), process });
    this.#byOrder.set(clientOrderId, denials);
  }

  onOpenOrders(process: string, shown: readonly { readonly clientOrderId: string }[]): void {
    const now = this.#now();
    this.#readings = this.#readings.filter(({ atMs }) => now - atMs < keptMs);
    this.#readings.push({ atMs: now, process, shown: new Set(shown.map(({ clientOrderId }) => clientOrderId)) });
  }

  /** Whether the process was denied the order by the order query and by the open orders, each in two reads so far apart at least. */
  deniedTwice(process: string, clientOrderId: string, apartMs: number): boolean {
    const byQuery = this.#byOrder.get(clientOrderId) ?? [];
    const byList = this.#readings.filter(({ shown }) => !shown.has(clientOrderId));
    return [byQuery, byList].every((denials) => {
      const times = denials.filter((denial) => denial.process === process).map(({ atMs }) => atMs);
      return Math.max(...times) - Math.min(...times) >= apartMs;
    });
  }
}
