/**
 * Streams that lie: half-open sockets, a stream that is connected and mute, user events that never come. How long until
 * the engine finds out, until the rows have what the stream did not tell, and whether anything was entered meanwhile.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../e2e/support/processes.ts';
import { judge } from '../run.ts';
import { World } from '../world.ts';
import { crossesUp } from '../entries.ts';
import { atMost, clean, inParts, print, seconds } from './proof.ts';
import type { Finding, Ground, Proof } from './proof.ts';

const rounds = 4;
const halfOpenFoundMs = 15_000;
const muteFoundMs = 30_000;
const muteRounds = 3;
const mutePhaseMs = 14_000;
const fillsWrittenMs = 35_000;
const unheardLeast = 10;
/** Trade ids count per symbol. */
const tradeKey = `symbol || ' ' || exchange_trade_id`;
/** As in production: a refusal that nobody heard (a stop beyond the price) is called never placed only then. */
const horizonMs = 60_000;
const staleAfterMs = 5_000;
const candleMs = 1_000;
/** Longer than a candle, so that at least two are missed. */
const cutMs = 3_000;
/** So long the hole stays open while the stream speaks. */
const gappedMs = 8_000;

export const streams: Proof = (ground) =>
  inParts({
    'half-open sockets': () => halfOpen(ground),
    'a mute 1s stream': () => muted(ground, '1s'),
    'a mute 1m stream': () => muted(ground, '1m'),
    'missing candles': () => gapped(ground),
    'unheard fills of unanswered orders': () => unheardFills(ground, unanswered),
    'unheard fills of resting orders': () => unheardFills(ground, rested),
  });

function world({ servers, folder }: Ground, name: string, more: Partial<Parameters<typeof World.start>[0]> = {}): Promise<World> {
  return World.start({ servers, folder: folder(name), seed: 7, bots: 12, crashAt: [null], onEvent: print, ...more });
}

/** Both sockets at once, at different moments between two pings. */
async function halfOpen(ground: Ground): Promise<readonly Finding[]> {
  const place = await world(ground, 'half-open');
  const times = { streams: [] as number[], user: [] as number[] };
  try {
    const links = place.replicas[0]?.links;
    if (links === undefined) throw new Error('a world has an engine');
    for (let round = 0; round < rounds; round += 1) {
      await eventually('both sockets stand', 30_000, async () => links.streams.connections > 0 && links.user.connections > 0);
      await sleep(1_000 + round * 2_300);
      await Promise.all(
        (['streams', 'user'] as const).map(async (name) => {
          const startedAt = performance.now();
          const found = new Promise<number>((resolve) => {
            links[name].onGivenUp = () => resolve(performance.now() - startedAt);
          });
          links[name].set({ kind: 'half-open' });
          times[name].push(await Promise.race([found, sleep(60_000).then(() => Number.POSITIVE_INFINITY)]));
          links[name].onGivenUp = () => undefined;
          links[name].heal();
        }),
      );
    }
    return [
      atMost('half-open market socket found', times.streams, 1, halfOpenFoundMs),
      atMost('half-open user socket found', times.user, 1, halfOpenFoundMs),
      clean('rows after half-open sockets', await judge(place, () => undefined)),
    ];
  } finally {
    place.keepLogs();
    await place.stop();
  }
}

/** Found when the engine's log says so: it compares a silent stream with REST, closes entries and connects again. */
async function muted(ground: Ground, timeframe: '1s' | '1m'): Promise<readonly Finding[]> {
  const place = await world(ground, `muted-${timeframe}`, { botColumns: { timeframe, symbol: 'BTCUSDT' } });
  try {
    const output = (): string => place.replicas[0]?.processes.at(-1)?.output() ?? '';
    const found = (): readonly RegExpMatchArray[] => [...output().matchAll(/"time":"([^"]+)"[^\n]*connected but mute/g)];
    const foundAfterMs: number[] = [];
    let mutedAtMs = 0;
    for (let round = 0; round < muteRounds; round += 1) {
      // At another moment of the minute each time, so that it is not found only by a candle's end.
      if (round > 0) await sleep(mutePhaseMs);
      const before = found().length;
      mutedAtMs = Date.now();
      await place.simulator.fault({ kind: 'mute-stream', stream: `btcusdt@kline_${timeframe}` });
      const line = await eventually(`the mute ${timeframe} stream is found`, 120_000, async () => found()[before]);
      foundAfterMs.push(Date.parse(line[1] ?? '') - mutedAtMs);
      if (round < muteRounds - 1) await place.simulator.clearFaults();
    }
    // Entries on fresh candles from REST are right; no others are.
    const [entries] = await place.query<{ count: number; stale: number }>(
      `select count(*)::int as count, (count(*) filter (where signed_ts - decision_ms > $2::bigint))::int as stale
       from orders where role = 'entry' and signed_ts > $1::bigint`,
      [mutedAtMs, staleAfterMs],
    );
    const findings = [
      atMost(`mute ${timeframe} stream found`, foundAfterMs, 1, muteFoundMs),
      {
        what: `entries since the ${timeframe} stream is mute: ${entries?.count ?? 'unknown'}, on a candle that closed more than ${seconds(staleAfterMs)} before: ${entries?.stale ?? 'unknown'}`,
        holds: entries?.stale === 0,
      },
    ];
    if (timeframe === '1m') return findings; // no signal within a proof's time: nothing to compare
    return [...findings, clean('rows after a mute stream', await judge(place, () => undefined))];
  } finally {
    place.keepLogs();
    await place.stop();
  }
}

/**
 * Candles go missing while the stream is cut, and REST cannot tell them: prices are heard again, but the series has a hole.
 * Crosses go by meanwhile; none may be entered on.
 */
async function gapped(ground: Ground): Promise<readonly Finding[]> {
  const place = await world(ground, 'gapped');
  try {
    const link = place.replicas[0]?.links.streams;
    await place.simulator.fault({ kind: 'read-5xx', path: '/api/v3/klines', count: 1_000_000 });
    const { nowMs: cutAtMs } = await place.simulator.state();
    link?.set({ kind: 'refused' });
    await sleep(cutMs);
    link?.heal();
    await eventually('candles are heard again', 30_000, async () => (link?.connections ?? 0) > 0);
    await sleep(gappedMs);
    const { nowMs: toldAtMs } = await place.simulator.state();
    await place.simulator.clearFaults();
    const crosses = [...(await crossesUp(place, cutAtMs + candleMs, toldAtMs)).values()].reduce((sum, times) => sum + times.size, 0);
    const verdict = await judge(place, () => undefined);
    // Those decided before the cut may still be signed behind it; those within the freshness of the repair are fair.
    const [entries] = await place.query<{ count: number }>(
      `select count(*)::int as count from orders where role = 'entry' and decision_ms > $1::bigint and signed_ts < $2::bigint`,
      [cutAtMs + candleMs, toldAtMs],
    );
    return [
      {
        what: `${crosses} crosses went by while candles were missing; entries on them: ${entries?.count ?? 'unknown'}`,
        holds: crosses > 0 && entries?.count === 0,
      },
      clean('rows after missing candles', verdict),
    ];
  } finally {
    place.keepLogs();
    await place.stop();
  }
}

/** Which executions stay unheard, and by which faults. */
interface Unheard {
  readonly what: string;
  readonly faults: readonly Readonly<Record<string, unknown>>[];
  /** Executed on arrival, or after resting at the exchange (stops and targets). */
  readonly atMarket: boolean;
}

/** Neither the answer nor the user stream tells of the execution, and queries do not show the order for 20 s. */
const unanswered: Unheard = {
  what: 'fills of orders without an answer, told by no stream, hidden from queries for 20 s',
  faults: [{ kind: 'mute-user-data' }, { kind: 'reads-lag', ms: 20_000 }, { kind: 'order-answer-lost', count: 1_000 }],
  atMarket: true,
};
/** Nobody waits for an answer: the audit of the trade history alone finds them. */
const rested: Unheard = {
  what: 'fills of resting stops and targets, told by no stream',
  faults: [{ kind: 'mute-user-data' }],
  atMarket: false,
};

async function unheardFills(ground: Ground, { what, faults, atMarket }: Unheard): Promise<readonly Finding[]> {
  const place = await world(ground, `unheard-${atMarket ? 'at-market' : 'rested'}`, {
    engineEnv: { EVENKEEL_AUDIT_INTERVAL_MS: '30000', EVENKEEL_NEVER_PLACED_HORIZON_MS: String(horizonMs) },
  });
  try {
    for (const fault of faults) await place.simulator.fault({ ...fault });
    const { nowMs: sinceMs } = await place.simulator.state();
    const unheard = await eventually('some orders were executed unheard', 60_000, async () => {
      const { orders, trades } = await place.simulator.ledger();
      const meant = new Set(orders.filter(({ type }) => (type === 'MARKET') === atMarket).map(({ clientOrderId }) => clientOrderId));
      const found = trades.filter(({ atMs, clientOrderId }) => atMs > sinceMs && meant.has(clientOrderId));
      return found.length >= unheardLeast ? new Set(found.map(({ symbol, tradeId }) => `${symbol} ${tradeId}`)) : null;
    });
    const written = await eventually('every execution has its row', 90_000, async () => {
      const fills = await place.query<{ ms: number; id: string }>(
        `select extract(epoch from created_at - executed_at)::float8 * 1000 as ms, ${tradeKey} as id from fills`,
      );
      const known = fills.filter(({ id }) => unheard.has(id));
      return known.length === unheard.size ? known : null;
    });
    return [
      atMost(
        `${what}, in the database`,
        written.map(({ ms }) => ms),
        1,
        fillsWrittenMs,
      ),
      clean('rows after unheard fills', await judge(place, () => undefined, horizonMs + 60_000)),
    ];
  } finally {
    place.keepLogs();
    await place.stop();
  }
}
