/** Takes bots that shall run and that nobody holds, or whose holder may have died: lock first, then the rows in sets. */
import type { Reach } from '../crash-points.ts';
import type { BotRows, BotStore, PendingCommand, Wish } from '../persistence/bot-store.ts';
import type { EntryBlock } from '../trading/events.ts';
import type { Leases } from './leases.ts';

export interface ClaimedBot {
  readonly botId: string;
  readonly epoch: number;
  readonly rows: BotRows;
}

export interface PreparedBots {
  /** Bots whose rows were changed: they are loaded again. */
  readonly changed: ReadonlySet<string>;
  /** Why entries stay closed. */
  readonly blocks: ReadonlyMap<string, readonly EntryBlock[]>;
}

export interface Taken {
  readonly claimed: readonly ClaimedBot[];
  /** Those that wait for them. */
  readonly commands: readonly PendingCommand[];
  /** Some were not asked for yet. */
  readonly more: boolean;
}

export interface ClaimsOptions {
  readonly store: Pick<BotStore, 'claim' | 'load' | 'pendingCommands'>;
  readonly leases: Pick<Leases, 'acquire'>;
  readonly reach: Reach;
  /** Compares the accounts of live bots with the exchange before they are spawned. Never throws. */
  prepare(claimed: readonly ClaimedBot[]): Promise<PreparedBots>;
}

/** Bots taken in one step: bounds the query, and leaves some for engines that start at the same time. */
const claimBatch = 1_000;
/** Most requests for locks in one round; the next round goes on from there. */
const claimTrips = 20;

export class Claims {
  readonly #options: ClaimsOptions;
  /** How many bots of other engines were tried so far: the next round goes on with those after them. */
  #askedOthers = 0;

  constructor(options: ClaimsOptions) {
    this.#options = options;
  }

  /** Up to `room` of the wished bots, ours from now on. */
  async take(wishes: readonly Wish[], room: number): Promise<Taken> {
    const { store, reach } = this.#options;
    const most = Math.min(claimBatch, room);
    const held = wishes.length === 0 || most <= 0 ? [] : await this.#acquire(wishes, most);
    if (held.length === 0) return { claimed: [], commands: [], more: false };
    reach('CP13');
    const epochs = await store.claim(held);
    const [bots, commands] = await Promise.all([store.load([...epochs.keys()]), store.pendingCommands([...epochs.keys()])]);
    const claimed = [...bots].flatMap(([botId, rows]) => {
      const epoch = epochs.get(botId);
      return epoch === undefined ? [] : [{ botId, epoch, rows }];
    });
    return { claimed, commands, more: wishes.length > most };
  }

  /** Live bots as their rows are after the comparison with the exchange. */
  async prepared(live: readonly ClaimedBot[]): Promise<{ readonly ready: readonly ClaimedBot[]; readonly blocks: PreparedBots['blocks'] }> {
    if (live.length === 0) return { ready: [], blocks: new Map() };
    const { changed, blocks } = await this.#options.prepare(live);
    const reloaded = changed.size === 0 ? new Map<string, BotRows>() : await this.#options.store.load([...changed]);
    return { ready: live.map((bot) => ({ ...bot, rows: reloaded.get(bot.botId) ?? bot.rows })), blocks };
  }

  /** Locks of up to `most` bots: free ones first, then those of other engines in turn, because one of them may have died. */
  async #acquire(wishes: readonly Wish[], most: number): Promise<readonly string[]> {
    const free = wishes.filter((wish) => wish.holder === null);
    const others = wishes.filter((wish) => wish.holder !== null);
    const from = others.length === 0 ? 0 : this.#askedOthers % others.length;
    const order = [...free, ...others.slice(from), ...others.slice(0, from)];
    const held: string[] = [];
    let asked = 0;
    for (let trip = 0; trip < claimTrips && asked < order.length && held.length < most; trip += 1) {
      const wanted = order.slice(asked, asked + most - held.length).map((wish) => wish.botId);
      asked += wanted.length;
      held.push(...(await this.#options.leases.acquire(wanted)));
    }
    this.#askedOthers += Math.max(0, asked - free.length);
    return held;
  }
}
