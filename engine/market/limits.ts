/** All bounds of engine/market in one place, each with its reason. Tests use smaller ones. */

export interface MarketLimits {
  /** Binance: 1024 streams per connection. */
  readonly maxStreamsPerSocket: number;
  /** Sockets of one pool: 16 times 1024 streams are more than the venue lists symbols. */
  readonly maxSockets: number;
  /** Names per SUBSCRIBE message: 100 names of 20 characters stay well under any frame limit of a proxy. */
  readonly streamsPerMessage: number;
  /** An unanswered SUBSCRIBE means a link that does not work: dial again. */
  readonly ackTimeoutMs: number;
  /** Binance cuts at 24 h; we replace an hour before, spread so that sockets do not all do it at once. */
  readonly renewAfterMs: number;
  readonly renewJitterMs: number;
  /** How long the old socket stays beside its replacement when some stream is too quiet to prove itself. */
  readonly overlapMs: number;
  /** A socket without streams is kept this long, so that one bot leaving and another joining costs no connect. */
  readonly idleSocketMs: number;
  /** Restarting a mute stream may cut its socket (and its neighbours) at most this often. */
  readonly socketRestartEveryMs: number;

  /** Silence after which a stream is cross-checked by REST, so that a mute one is found within 30 s. A liquid stream speaks every 2 s (1s candles: every 1 s). */
  readonly silentAfterMs: number;
  readonly silentAfterMs1s: number;
  /** A silent stream that REST confirms is checked less often, up to this multiple of the silence. */
  readonly silentBackoffMax: number;
  /** How long the stream may still take to tell of trades that REST shows: frames come every 1 to 2 s. */
  readonly untoldMs: number;

  /** A series that is not live and tells no price gets one by REST this often: one request of weight 4 for all of them. */
  readonly restPriceEveryMs: number;

  /** Closed candles held while an earlier one is missing. REST holds them too, so overflow only costs a read. */
  readonly maxBufferedCandles: number;
  /** History reads under way at once, all series together: a reconnect of 1024 streams must not flood the venue. */
  readonly maxHistoryReads: number;
  /** Closed candles kept per series to warm later indicators; one REST page, which costs the same weight as fewer. */
  readonly keptCandles: number;
  readonly maxWarmUpCandles: number;

  /** A REST row this old (venue time) is final. Younger ones may be stale: they count once two reads agree. */
  readonly settledAfterMs: number;
  /** Time between those two reads. */
  readonly rereadAfterMs: number;
  /** Waits between the first reads of history, and before a series with a gap is called gapped: about 8 s in all. */
  readonly repairWaitsMs: readonly number[];
  /** Then it is read again after this wait, doubled each time up to the maximum. */
  readonly gappedRetryMs: number;
  readonly gappedRetryMaxMs: number;
  /** Reads in a row that must show the same hole before the venue's word is taken that no candle exists there. */
  readonly holeReads: number;
}

export const defaultLimits: MarketLimits = {
  maxStreamsPerSocket: 1024,
  maxSockets: 16,
  streamsPerMessage: 100,
  ackTimeoutMs: 10_000,
  renewAfterMs: 22.75 * 3_600_000,
  renewJitterMs: 0.5 * 3_600_000,
  overlapMs: 30_000,
  idleSocketMs: 30_000,
  socketRestartEveryMs: 60_000,
  silentAfterMs: 20_000,
  silentAfterMs1s: 15_000,
  silentBackoffMax: 4,
  untoldMs: 4_000,
  restPriceEveryMs: 3_000,
  maxBufferedCandles: 2_000,
  maxHistoryReads: 8,
  keptCandles: 1_000,
  maxWarmUpCandles: 10_000,
  settledAfterMs: 3_000,
  rereadAfterMs: 750,
  repairWaitsMs: [250, 500, 1_000, 1_000, 2_000, 3_000],
  gappedRetryMs: 5_000,
  gappedRetryMaxMs: 60_000,
  holeReads: 4,
};
