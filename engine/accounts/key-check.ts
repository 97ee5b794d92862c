/**
 * Whether real money may be traded with the engine's key: asked at the start, every hour, and when the exchange refuses a
 * request for missing rights. Until a check has passed nothing is entered live; exits are tried all the same. A check that
 * gets no answer changes nothing.
 */
import { ExchangeError } from '../exchanges/exchange.ts';
import type { KeyRights } from '../exchanges/exchange.ts';
import type { Log } from '../observe/log.ts';
import type { Clock, Timer } from '../time/clock.ts';
import { atMost } from '../time/waiting.ts';

export interface KeyCheckOptions {
  readonly read: () => Promise<KeyRights>;
  readonly clock: Clock;
  readonly log: Log;
}

const recheckMs = 3_600_000;
/** After a refused key: whoever mends it at the exchange shall not have to wait an hour. */
const refusedRetryMs = 60_000;
const unansweredRetryMs = 5_000;
/** An engine does not wait longer for its first check. */
const startPatienceMs = 5_000;
/** Many orders may be refused at once: they lead to one check in this time at most. */
const doubtPauseMs = 10_000;

export class KeyCheck {
  readonly #options: KeyCheckOptions;
  #refusal: string | null = 'the exchange key has not been verified yet';
  #verifiedOnce = false;
  #warned = false;
  #running = false;
  #stopped = false;
  #checkedAt = Number.NEGATIVE_INFINITY;
  #timer: Timer | null = null;

  constructor(options: KeyCheckOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    await atMost(this.#options.clock, startPatienceMs, this.#check());
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** Why nothing may be entered with the key; null when it may. */
  get refusal(): string | null {
    return this.#refusal;
  }

  /** The exchange refused a request for missing rights. */
  doubt(): void {
    if (this.#running || this.#stopped || this.#refusal !== null) return;
    const { clock } = this.#options;
    this.#timer?.cancel();
    this.#timer = clock.after(Math.max(0, this.#checkedAt + doubtPauseMs - clock.monotonic()), () => void this.#check());
  }

  async #check(): Promise<void> {
    const { read, clock } = this.#options;
    this.#running = true;
    this.#checkedAt = clock.monotonic();
    this.#timer?.cancel();
    const retryMs = await read().then(
      (rights) => this.#judge(rights),
      (error: unknown) => this.#unanswered(error),
    );
    this.#running = false;
    if (!this.#stopped) this.#timer = clock.after(retryMs, () => void this.#check());
  }

  #judge(rights: KeyRights): number {
    this.#set(keyRefusal(rights));
    if (!this.#warned) for (const warning of keyWarnings(rights)) this.#options.log.warn(warning);
    this.#warned = true;
    return this.#refusal === null ? recheckMs : refusedRetryMs;
  }

  #unanswered(error: unknown): number {
    const { log } = this.#options;
    const message = error instanceof Error ? error.message : String(error);
    if (error instanceof ExchangeError && error.refusal.class === 'authentication') {
      this.#set(`the exchange refuses the key (${message}); look at its secret, its permissions and its IP list`);
      return refusedRetryMs;
    }
    log.warn({ err: error }, 'the exchange key could not be checked; trying again');
    if (!this.#verifiedOnce) this.#set(`the exchange key could not be verified yet (${message})`);
    return unansweredRetryMs;
  }

  #set(refusal: string | null): void {
    const { log } = this.#options;
    if (refusal === this.#refusal) return;
    this.#refusal = refusal;
    if (refusal === null) this.#verifiedOnce = true;
    if (refusal === null) log.info('the exchange key is verified: live bots may enter');
    else log.error({ refusal }, 'live bots do not enter: the exchange key is not verified');
  }
}

/** Why a key with these rights is not traded with; null when it is. */
export function keyRefusal({ canTrade, spot, restrictions }: KeyRights): string | null {
  if (!canTrade) return 'the exchange does not let this account trade (canTrade is false)';
  if (!spot) return 'this account may not trade spot (its permissions name no SPOT)';
  if (restrictions === null) return null;
  if (!restrictions.reads) return 'the key may not read the account: allow "Enable Reading"';
  if (!restrictions.tradesSpot) return 'the key may not trade: allow "Enable Spot & Margin Trading"';
  if (restrictions.withdraws) return 'the key may withdraw coins, which this engine never needs: take "Enable Withdrawals" from it';
  if (restrictions.transfers)
    return 'the key may move coins to other accounts, which this engine never needs: take "Internal Transfer" and "Universal Transfer" from it';
  if (restrictions.otherMarkets.length > 0)
    return `the key may trade more than spot (${restrictions.otherMarkets.join(', ')}), which this engine never does: take those rights from it`;
  return null;
}

function keyWarnings({ restrictions }: KeyRights): readonly string[] {
  if (restrictions === null)
    return ['this venue does not tell what else the key may do: make sure yourself that it can neither withdraw nor transfer'];
  return restrictions.boundToAddresses
    ? []
    : [
        'the exchange key works from any address: bind it to the addresses of your engines (the exchange also lets its trading right lapse otherwise)',
      ];
}
