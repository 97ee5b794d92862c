/**
 * The metrics catalogue: every series the engine exports, with its labels, in one typed table. Histograms and
 * counters never carry a bot id. `createMetrics` makes one registry per process (or per test).
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { blockingRules, verdictRules } from '../trading/verdict.ts';

const secondsFast = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** A gauge that is read from the state it tells of when it is scraped, so that it cannot drift from it. */
export class StateGauge<L extends string> extends Gauge<L> {
  readonly #sources = new Set<() => Readings<L>>();

  /** Reads `source` at every scrape, until the answer is called. What several sources say under the same labels is added up. */
  follow(source: () => Readings<L>): () => void {
    this.#sources.add(source);
    return () => void this.#sources.delete(source);
  }

  /** Called by prom-client at every scrape. */
  collect(): void {
    this.reset();
    for (const source of this.#sources) for (const [labels, value] of source()) this.inc(labels, value);
  }
}

type Readings<L extends string> = Iterable<readonly [labels: Partial<Record<L, string>>, value: number]>;

export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Counter<L>({ name: `evenkeel_${name}`, help, labelNames, registers });
  const gauge = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Gauge<L>({ name: `evenkeel_${name}`, help, labelNames, registers });
  const stateGauge = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new StateGauge<L>({ name: `evenkeel_${name}`, help, labelNames, registers });
  const histogram = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Histogram<L>({ name: `evenkeel_${name}`, help, labelNames, buckets: secondsFast, registers });

  const metrics = {
    registry,
    buildInfo: gauge('build_info', 'Constant 1; the labels say what is running.', 'version', 'commit', 'node'),
    bots: stateGauge('bots', 'Bots of this process by life-cycle state.', 'state', 'market', 'mode'),
    actorRestarts: counter('actor_restarts_total', 'Bot actors started again after a fault.', 'kind', 'reason'),
    decisions: counter('decisions_total', 'Decisions at candle closes and price checks, by what they led to.', 'action', 'mode'),
    verdicts: counter('verdicts_total', 'Closed candles decided on, by what was done and the first rule that said no.', 'action', 'rule'),
    verdictsDropped: counter('verdicts_dropped_total', 'Verdicts on closed candles that were never written.'),
    decisionFailures: counter('decision_failures_total', 'Decisions that failed with an error.', 'reason'),
    barToDecision: histogram('bar_to_decision_seconds', 'From a closed candle received to its decision made.'),
    barToOrder: histogram('bar_to_order_seconds', 'From a closed candle received to its order handed to the socket.'),
    marketLastMessage: stateGauge('market_data_last_message_timestamp_seconds', 'When market data last arrived.', 'stream_kind'),
    marketStaleSymbols: stateGauge('market_data_stale_symbols', 'Series that are stale or gapped now.'),
    marketGaps: counter('market_data_gaps_total', 'Interruptions in candle series, by how they ended.', 'kind'),
    pricesRejected: counter('prices_rejected_total', 'Prices told as 0, missing or no number: not believed.', 'source'),
    candlesBackfilled: counter('candles_backfilled_total', 'Closed candles fetched by REST after an interruption.'),
    wsConnections: stateGauge('ws_connections', 'Open exchange sockets.', 'stream', 'state'),
    wsDisconnects: counter('ws_disconnects_total', 'Exchange sockets that ended.', 'stream', 'reason'),
    wsMessages: counter('ws_messages_total', 'Messages received from exchange sockets.', 'stream'),
    exchangeRequests: counter('exchange_requests_total', 'Requests to the exchange.', 'endpoint_group', 'market', 'result'),
    exchangeRequestDuration: histogram('exchange_request_duration_seconds', 'Time to the exchange and back.', 'endpoint_group', 'market'),
    exchangeUsedWeightRatio: gauge('exchange_used_weight_ratio', 'Used share of the request weight of this minute.', 'market'),
    exchangeOrderCountRatio: gauge('exchange_order_count_ratio', 'Used share of the order limit.', 'window'),
    exchangeBackoff: counter('exchange_backoff_seconds_total', 'Time that requests were held back.', 'market'),
    exchangeBanUntil: gauge('exchange_ban_until_timestamp_seconds', 'End of the exchange ban; 0 when there is none.'),
    exchangeClockOffset: gauge('exchange_clock_offset_seconds', "Exchange's clock minus this host's."),
    rateLimitWait: histogram('rate_limit_wait_seconds', 'Wait for request weight.'),
    ordersSubmitted: counter('orders_submitted_total', 'Orders sent.', 'market', 'side', 'type', 'mode'),
    ordersRejected: counter('orders_rejected_total', 'Orders that the exchange refused.', 'market', 'code_class'),
    orderAck: histogram('order_ack_seconds', 'From an order sent to its answer.'),
    ordersUnknown: stateGauge('orders_unknown_state', 'Orders whose fate is not known yet. Must be 0.'),
    fills: counter('fills_total', 'Executions booked.', 'market', 'liquidity'),
    positionsOpen: stateGauge('positions_open', 'Bots of this process that hold a position.', 'market', 'mode'),
    positionsUnprotected: gauge('positions_unprotected', 'Positions whose stop does not rest at the exchange now. Must be 0.'),
    unprotectedSeconds: counter('unprotected_seconds_total', 'Time that positions were held without their stop at the exchange.'),
    reconcileRuns: counter('reconcile_runs_total', 'Audits of an account against the exchange.', 'result'),
    reconcilePosition: gauge(
      'reconcile_position',
      'What the bots of the account hold of an asset together, and what the account has of it.',
      'asset',
      'of',
    ),
    lateArrivals: counter('late_arrivals_total', 'Orders that were declared never placed and exist. Must stay 0.'),
    ordersFilledIn: counter('orders_filled_in_total', 'Orders that the exchange had and the database had lost.'),
    reconcileDrift: counter('reconcile_drift_total', 'Differences found by audits.', 'kind'),
    killSwitchActive: stateGauge('kill_switch_active', 'Kill switches that stand, as this process knows them.', 'scope'),
    riskBlocks: counter('risk_blocks_total', 'Entries refused, by rule.', 'rule'),
    dayNotices: counter('day_notices_total', 'Days of bots that came near their loss limit, reached it, or reached their target.', 'topic'),
    dbQueryDuration: histogram('db_query_duration_seconds', 'Time of a unit of work.', 'op'),
    dbErrors: counter('db_errors_total', 'Failed units of work.', 'class'),
    redisCommandDuration: histogram('redis_command_duration_seconds', 'Time of a Redis command.', 'op'),
    redisReachable: stateGauge(
      'redis_reachable',
      'Whether Redis takes writes, without which no bot can be taken: 1 or 0. 1 without Redis.',
    ),
    redisErrors: counter('redis_errors_total', 'Redis commands without a usable answer.'),
    symbolCacheRequests: counter('symbol_cache_requests_total', 'Look-ups in the symbol cache.', 'result'),
    symbolCacheRefreshed: gauge('symbol_cache_last_refresh_timestamp_seconds', 'When the symbol cache was last filled.'),
    leaseHeld: stateGauge('lease_held', 'Bot locks held by this process.', 'role'),
    leaseLost: counter('lease_lost_total', 'Bot locks lost to another owner or to the epoch.'),
    httpRequests: counter('http_requests_total', 'Admin requests.', 'route', 'method', 'status_class'),
    httpRequestDuration: histogram('http_request_duration_seconds', 'Time of admin requests.', 'route', 'method'),
  };
  bornAtZero(metrics);
  return metrics;
}

export type Metrics = ReturnType<typeof createMetrics>;

/** Series that alerts watch exist from the start: Prometheus' `increase()` does not see the first event of a new series. */
function bornAtZero(metrics: {
  readonly reconcileDrift: Counter<'kind'>;
  readonly reconcileRuns: Counter<'result'>;
  readonly decisions: Counter<'action' | 'mode'>;
  readonly verdicts: Counter<'action' | 'rule'>;
  readonly riskBlocks: Counter<'rule'>;
  readonly decisionFailures: Counter<'reason'>;
  readonly actorRestarts: Counter<'kind' | 'reason'>;
  readonly dbErrors: Counter<'class'>;
  readonly dayNotices: Counter<'topic'>;
}): void {
  const driftKinds = ['position-cache', 'position', 'order-without-intent', 'order-without-bot', 'late-order', 'protection-vanished'];
  for (const kind of driftKinds) metrics.reconcileDrift.inc({ kind }, 0);
  for (const topic of ['daily-loss-warning', 'daily-loss-reached', 'daily-target-reached']) metrics.dayNotices.inc({ topic }, 0);
  for (const result of ['ok', 'failed']) metrics.reconcileRuns.inc({ result }, 0);
  for (const action of ['entry', 'exit', 'place-protection', 'replace-protection', 'cancel-protection'])
    for (const mode of ['live', 'paper']) metrics.decisions.inc({ action, mode }, 0);
  for (const action of ['entered', 'exited']) metrics.verdicts.inc({ action, rule: 'none' }, 0);
  for (const rule of verdictRules) metrics.verdicts.inc({ action: 'nothing', rule }, 0);
  for (const rule of blockingRules) metrics.riskBlocks.inc({ rule }, 0);
  for (const reason of ['Error', 'TypeError', 'RangeError']) metrics.decisionFailures.inc({ reason }, 0);
  for (const reason of ['fault', 'quarantined']) metrics.actorRestarts.inc({ kind: 'bot', reason }, 0);
  for (const kind of ['commit-unknown', 'commit-refused', 'record-execution', 'append-decisions', 'prune-decisions'])
    metrics.dbErrors.inc({ class: kind }, 0);
}
