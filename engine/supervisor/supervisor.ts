/**
 * Who runs here, and why: compares the wish (`is_active`) with what runs, claims in sets, starts and restarts bots,
 * carries out commands, writes their status, and drains on shutdown. A plain class: a machine that spawns thousands is slow.
 */
import { Bot, leavingBlock } from '../bot/bot.ts';
import type { BotOptions } from '../bot/bot.ts';
import { reasonOf } from '../orders/send.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { BotRows, BotStore, Wish } from '../persistence/bot-store.ts';
import type { Clock, Timer, VenueClock } from '../time/clock.ts';
import type { EntryBlock } from '../trading/events.ts';
import { countBots } from './bot-counts.ts';
import { tellLost, tellStarted } from './bot-lines.ts';
import type { LetGo, OpenPosition, StartedBot } from './bot-lines.ts';
import { Claims } from './claims.ts';
import type { ClaimedBot, ClaimsOptions } from './claims.ts';
import { Commands, pausedBy } from './commands.ts';
import { Departures } from './departures.ts';
import type { Leases } from './leases.ts';
import type { Quarantine } from './quarantine.ts';
import { stop } from './running-bots.ts';
import type { Entry, RunningBots } from './running-bots.ts';
import { Statuses } from './statuses.ts';
import { Waiting } from './waiting.ts';

export interface SupervisorOptions extends Pick<ClaimsOptions, 'reach' | 'prepare'> {
  readonly store: BotStore;
  readonly bots: RunningBots;
  /** This process's name in locks and rows. */
  readonly owner: string;
  readonly venue: string;
  readonly capacity: number;
  readonly claimPollMs: number;
  readonly lockTtlMs: number;
  readonly leases: Leases;
  readonly quarantine: Quarantine;
  readonly clock: Clock;
  readonly venueClock: VenueClock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Lifts what holds a bot back, durably: a user resumed it. */
  lift(botId: string, epoch: number): Promise<void>;
  /** Why no bot can be taken now, in words for its user; null when nothing stands in the way. */
  hindrance(): string | null;
  /** What a bot needs beyond what the supervisor has. */
  equip(botId: string, rows: BotRows): Promise<Equipment>;
}

export type Equipment = Omit<
  BotOptions,
  'botId' | 'epoch' | 'rows' | 'safeMode' | 'blocks' | 'leaseLeftMs' | 'onDirty' | 'onEnded' | 'clock' | 'venueClock' | 'metrics' | 'log'
>;

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #timers: Timer[] = [];
  readonly #statuses: Statuses;
  readonly #claims: Claims;
  readonly #commands: Commands;
  readonly #departures: Departures;
  readonly #waiting: Waiting;
  #round: Promise<void> | null = null;
  #again = false;
  /** The last round failed: only the first failure of a row is told above `debug`. */
  #failing = false;
  #draining = false;
  /** Of bots that were let go since the drain began. */
  readonly #positions: OpenPosition[] = [];
  #wished = 0;
  #lastRoundAt: number;
  /** Monotonic time at which the rows of the last comparison were asked for. */
  #rowsReadAt = Number.NEGATIVE_INFINITY;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#lastRoundAt = options.clock.monotonic();
    this.#statuses = new Statuses({ ...options, runs: (entry) => this.#options.bots.get(entry.botId) === entry });
    countBots(options.metrics, () => options.bots.values());
    options.metrics.leaseHeld.follow(() => [[{ role: 'bot' }, options.leases.held]]);
    this.#claims = new Claims(options);
    this.#commands = new Commands({
      ...options,
      statuses: this.#statuses,
      entry: (botId) => this.#options.bots.get(botId) ?? null,
    });
    this.#departures = new Departures(options);
    this.#waiting = new Waiting(options);
  }

  async start(): Promise<void> {
    const { clock, claimPollMs, lockTtlMs } = this.#options;
    await this.wake();
    this.#timers.push(
      clock.every(claimPollMs, () => void this.wake()),
      clock.every(Math.floor(lockTtlMs * 0.3), () => void this.#renew()),
    );
  }

  /** Something may have changed: compare wish and reality now. Calls during a round lead to one more round. */
  wake(): Promise<void> {
    if (this.#round !== null) {
      this.#again = true;
      return this.#round;
    }
    this.#round = this.#runRounds().finally(() => {
      this.#round = null;
    });
    return this.#round;
  }

  /** Stops all bots, settles what is in flight, writes the last status and frees the locks; answers what is left. */
  async drain(timeoutMs: number): Promise<LetGo> {
    const { clock, log } = this.#options;
    this.#draining = true;
    const { size } = this.#options.bots;
    for (const entry of this.#options.bots.values()) stop(entry, 'the engine stops');
    const deadline = clock.monotonic() + timeoutMs;
    this.#departures.giveUpAt(deadline);
    while (this.#options.bots.size > 0 && clock.monotonic() < deadline) await clock.sleep(20);
    for (const timer of this.#timers) timer.cancel();
    this.#statuses.stop();
    await this.#round;
    if (this.#options.bots.size > 0)
      log.warn(
        { bots: [...this.#options.bots.keys()] },
        'these bots did not come to rest in time; what was in flight is resolved by their next owner',
      );
    for (const entry of this.#options.bots.values()) this.#notePosition(entry);
    await this.#departures.letGo(
      [...this.#options.bots.values()].map(({ botId }) => ({ botId, message: 'the engine stopped', stopped: null })),
    );
    return { bots: size, positions: this.#positions };
  }

  #notePosition({ botId, bot, mode }: Entry): void {
    const { session, symbol } = bot;
    if (session === null || !session.holds) return;
    const { position, protection } = session.state;
    const stopPrice = protection.resting?.stopPrice?.toFixed() ?? null;
    this.#positions.push({ botId, symbol, mode, quantity: position.quantity.toFixed(), stopPrice });
  }

  bot(botId: string): Bot | null {
    return this.#options.bots.get(botId)?.bot ?? null;
  }

  entries(): Iterable<{ readonly botId: string; readonly epoch: number; readonly bot: Bot }> {
    return this.#options.bots.values();
  }

  /** Bots that shall run somewhere. */
  get wished(): number {
    return this.#wished;
  }

  /** Monotonic time of the last comparison, successful or not: the supervisor's heartbeat. */
  get lastRoundAt(): number {
    return this.#lastRoundAt;
  }

  async #runRounds(): Promise<void> {
    do {
      this.#again = false;
      try {
        if (!this.#draining) await this.#compare();
        this.#failing = false;
      } catch (error) {
        const level = this.#failing ? 'debug' : 'error';
        this.#failing = true;
        this.#options.log[level](
          { err: error },
          'the bots that should run could not be compared with those that do; every round tries again',
        );
      }
      this.#lastRoundAt = this.#options.clock.monotonic();
    } while (this.#again && !this.#draining);
  }

  async #compare(): Promise<void> {
    const { store, owner, venue, capacity } = this.#options;
    const askedAt = this.#options.clock.monotonic();
    const wishes = await store.wishes();
    this.#rowsReadAt = askedAt;
    this.#wished = wishes.filter((wish) => wish.wanted).length;
    const wanted = new Map(wishes.map((wish) => [wish.botId, wish]));
    const lost: string[] = [];
    for (const entry of this.#options.bots.values()) {
      const wish = wanted.get(entry.botId);
      if (wish === undefined) stop(entry, 'it was deleted');
      else if (wish.epoch !== entry.epoch || wish.holder !== owner) {
        if (!entry.lossTold) lost.push(entry.botId);
        entry.lossTold = true;
        entry.bot.fence();
      } else if (wish.wanted) entry.bot.stay();
      else {
        entry.bot.leave();
        if (!wish.unfinished && !wish.commanded && entry.bot.over) stop(entry, 'it was switched off');
      }
    }
    tellLost(this.#options.log, lost);
    await this.#reconfigure(
      wishes.filter((wish) => (this.#options.bots.get(wish.botId)?.configVersion ?? wish.configVersion) !== wish.configVersion),
    );
    await this.#commands.carryOut(
      wishes.filter(({ botId, commanded }) => commanded && this.#options.bots.has(botId)).map(({ botId }) => botId),
    );
    const startable = wishes.filter((wish) => wish.venue === venue && !this.#options.bots.has(wish.botId) && this.#mayStart(wish));
    const hindrance = this.#options.hindrance();
    if (hindrance === null) await this.#claim(startable);
    // A bot that could not be started is among the departures: its row says why.
    const left = startable.filter(
      (wish) => (wish.wanted || wish.unfinished) && !this.#options.bots.has(wish.botId) && this.#mayStart(wish),
    );
    await this.#waiting.tell(left, hindrance, this.#options.bots.size >= capacity);
  }

  #mayStart(wish: Wish): boolean {
    if (this.#departures.has(wish.botId)) return false;
    const verdict = this.#options.quarantine.verdict(wish.botId);
    return verdict === null || this.#options.clock.monotonic() >= verdict.notBefore;
  }

  async #claim(wishes: readonly Wish[]): Promise<void> {
    const { capacity, owner, log } = this.#options;
    // When there is not room for all, bots that hold something go first.
    const byNeed = wishes.toSorted((one, other) => Number(other.unfinished) - Number(one.unfinished));
    const { claimed, commands, more } = await this.#claims.take(byNeed, capacity - this.#options.bots.size);
    if (claimed.length === 0) return;
    const wishById = new Map(wishes.map((wish) => [wish.botId, wish]));
    const started: StartedBot[] = [];
    const start = async ({ botId, epoch, rows }: ClaimedBot, blocks: readonly EntryBlock[]): Promise<void> => {
      try {
        const wish = wishById.get(botId);
        // A pause that was asked for while nobody ran the bot holds before its first decision.
        const paused = pausedBy(commands.filter((command) => command.botId === botId));
        const closed = [...blocks, ...(wish?.wanted === false ? [leavingBlock] : []), ...(paused === null ? [] : [paused])];
        await this.#spawn(botId, epoch, rows, closed, wish?.configVersion ?? rows.config.version);
        started.push({ botId, rows, takenFrom: wish?.holder === owner ? null : (wish?.holder ?? null), wanted: wish?.wanted !== false });
      } catch (error) {
        log.error({ err: error, botId }, 'a bot could not be started');
        this.#options.quarantine.crashed(botId, this.#options.clock.monotonic());
        void this.#departures.letGo([{ botId, message: `could not be started: ${reasonOf(error)}`, stopped: null }]);
      }
    };
    const live = claimed.filter(({ rows }) => rows.config.mode === 'live');
    await Promise.all([
      ...claimed.filter(({ rows }) => rows.config.mode !== 'live').map((bot) => start(bot, [])),
      this.#claims.prepared(live).then(({ ready, blocks }) => Promise.all(ready.map((bot) => start(bot, blocks.get(bot.botId) ?? [])))),
    ]);
    tellStarted(log, started);
    if (more) this.#again = this.#options.bots.size < capacity;
    // Commands given while nobody ran the bot are carried out by its new owner; some may have expired since they were read.
    await this.#commands.carryOut(commands.map(({ botId }) => botId));
  }

  async #spawn(botId: string, epoch: number, rows: BotRows, blocks: readonly EntryBlock[], configVersion: number): Promise<void> {
    const { clock, venueClock, metrics, log, leases, quarantine } = this.#options;
    const equipment = await this.#options.equip(botId, rows);
    const bot = new Bot({
      ...equipment,
      botId,
      epoch,
      rows,
      blocks,
      clock,
      venueClock,
      metrics,
      log,
      safeMode: quarantine.verdict(botId)?.quarantined === true,
      leaseLeftMs: () => leases.leftMs(botId),
      onDirty: () => {
        const entry = this.#options.bots.get(botId);
        if (entry !== undefined) this.#statuses.changed(entry);
      },
      onEnded: (end) => this.#onEnded(botId, bot, end),
    });
    this.#options.bots.add({
      botId,
      epoch,
      bot,
      configVersion,
      name: rows.config.columns.name,
      mode: rows.config.mode,
      stopping: null,
      lossTold: false,
    });
    bot.start();
  }

  #onEnded(botId: string, bot: Bot, end: { readonly error: Error | null; readonly fenced: boolean }): void {
    const { leases, metrics, log, quarantine, clock } = this.#options;
    const entry = this.#options.bots.get(botId);
    if (entry?.bot !== bot) return;
    this.#options.bots.delete(botId);
    if (end.fenced) {
      metrics.leaseLost.inc();
      leases.forget(botId);
      if (!entry.lossTold) tellLost(log, [botId]);
      return;
    }
    if (this.#draining) this.#notePosition(entry);
    if (end.error === null) {
      const leaves = positionNote(bot);
      const message = this.#draining ? 'the engine stopped' : `stopped; ${leaves}`;
      const { name, stopping } = entry;
      const stopped = this.#draining ? null : { botId, name, symbol: bot.symbol, why: stopping ?? 'it was let go', leaves };
      void this.#departures.letGo([{ botId, message, stopped }]).then(() => (this.#draining ? undefined : this.wake()));
      return;
    }
    const verdict = quarantine.crashed(botId, clock.monotonic());
    metrics.actorRestarts.inc({ kind: 'bot', reason: verdict.quarantined ? 'quarantined' : 'fault' });
    log.error({ err: end.error, botId, quarantined: verdict.quarantined }, 'a bot crashed; it is started again from its rows');
    void this.#departures.letGo([{ botId, message: `crashed: ${end.error.message}`, stopped: null }]);
  }

  async #reconfigure(changed: readonly Wish[]): Promise<void> {
    if (changed.length === 0) return;
    const rows = await this.#options.store.load(changed.map((wish) => wish.botId));
    for (const wish of changed) {
      const entry = this.#options.bots.get(wish.botId);
      const row = rows.get(wish.botId);
      if (entry === undefined || row === undefined) continue;
      try {
        const taken = entry.bot.reconfigure(row);
        // The next round tries again.
        if (taken === 'waits') continue;
        if (taken === 'restart') stop(entry, 'it is started again with its changed settings');
      } catch (error) {
        this.#options.log.error({ err: error, botId: wish.botId }, 'changed settings cannot be used; the bot goes on with those it had');
      }
      entry.configVersion = wish.configVersion;
      this.#options.quarantine.forgive(wish.botId);
    }
  }

  async #renew(): Promise<void> {
    const { leases, clock, log } = this.#options;
    const taken = await leases.renew();
    if (taken.length > 0) {
      // Anybody can have written the lock. An engine that has really taken a bot says so in the rows: they are read before anything is given up.
      const heardAt = clock.monotonic();
      await this.wake();
      for (const botId of taken) {
        if (!this.#options.bots.has(botId)) leases.forget(botId);
        else if (this.#rowsReadAt >= heardAt) {
          log.warn({ botId }, 'the lock of a bot is somebody else’s, and no engine has taken the bot in the rows: it goes on here');
          leases.overruled(botId);
        }
      }
    }
  }
}

function positionNote(bot: Bot): string {
  const session = bot.session;
  return session === null || session.phase === 'flat'
    ? 'no position is open'
    : `its position of ${session.state.position.quantity.toFixed()} ${session.instrument.baseAsset} was left open`;
}
