/**
 * Configuration: environment variables in, one typed `Config` out. Every problem is reported at once; each secret
 * may also come from a file named by `<NAME>_FILE`. Nothing here is printed: secrets are wrapped.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { venues } from '../entities/vocabulary.ts';
import { armCrashPoint } from './crash-points.ts';
import { Secret } from './secret.ts';
import type { StopKeeper } from './trading/events.ts';

export const roles = ['all', 'engine', 'admin'] as const;
export type Role = (typeof roles)[number];

export type Venue = (typeof venues)[number];

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

export interface VenueUrls {
  readonly restUrl: string;
  readonly streamUrl: string;
  readonly wsApiUrl: string;
}

export interface Credentials {
  readonly apiKey: Secret;
  /** HMAC secret or Ed25519 private key (PEM). */
  readonly kind: 'hmac' | 'ed25519';
  readonly secret: Secret;
}

export interface Config {
  readonly role: Role;
  readonly logLevel: (typeof logLevels)[number];
  readonly dataDir: string;
  /** Flag file of this engine's kill switches. */
  readonly killFile: string;
  /** Null: PostgreSQL is embedded in `dataDir`. */
  readonly databaseUrl: Secret | null;
  readonly database: {
    readonly poolMax: number;
    /** Connections that only intents and claims use, so that no report keeps an order waiting. */
    readonly intentPoolMax: number;
    readonly statementTimeoutMs: number;
    readonly lockTimeoutMs: number;
    readonly logSql: boolean;
  };
  /** Null: coordination is served from memory, for one engine. */
  readonly redisUrl: Secret | null;
  readonly admin: { readonly host: string; readonly port: number };
  readonly metrics: { readonly host: string; readonly port: number };
  /** Listeners may leave loopback: the network around them is trusted (a container network). */
  readonly trustedNetwork: boolean;
  readonly venue: Venue;
  /** Null for `simulated`: the exchange simulator runs in this process. */
  readonly venueUrls: VenueUrls | null;
  /** Null: no account; live bots do not run (the in-process simulator brings its own). */
  readonly credentials: Credentials | null;
  readonly simulatorSeed: number;
  /** Bots that this process takes at most. */
  readonly capacity: number;
  readonly lockTtlMs: number;
  readonly claimPollMs: number;
  readonly recvWindowMs: number;
  /** Least age of an unanswered order before it may be declared never placed. */
  readonly neverPlacedHorizonMs: number;
  readonly auditIntervalMs: number;
  readonly drainTimeoutMs: number;
  /** What was built, for the metrics; whoever builds an image sets it. */
  readonly commit: string;
  /** Who keeps the stops of live bots: orders at the exchange, or this engine. */
  readonly stops: StopKeeper;
  /** How often the exchange is asked whether protective orders rest there. */
  readonly protectionCheckMs: number;
  /** How paper bots fill, in percent: `spreadPercent` is the whole distance of bid and ask, slippage is per fill. */
  readonly paper: { readonly feePercent: number; readonly spreadPercent: number; readonly slippagePercent: number };
  /** How long the verdict on each closed candle is kept. */
  readonly decisionsKeptMs: number;
  /** Crash point at which this process kills or stops itself, for proofs against the simulator; null otherwise. */
  readonly crashAt: string | null;
}

/** All problems of a configuration, one line each. */
export class ConfigError extends Error {
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(
      `The configuration has ${problems.length} problem${problems.length === 1 ? '' : 's'}:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`,
    );
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Reads the environment. Throws `ConfigError` with every problem found. */
export function readConfig(env: Environment): Config {
  const problems: string[] = [];
  const known = new Set<string>();

  const text = (name: string): string | null => {
    known.add(name);
    const value = env[name]?.trim();
    return value === undefined || value === '' ? null : value;
  };
  const secret = (name: string): Secret | null => {
    const direct = text(name);
    const file = text(`${name}_FILE`);
    if (direct !== null && file !== null) problems.push(`${name} and ${name}_FILE are both set; keep one`);
    if (direct !== null) return new Secret(direct);
    if (file === null) return null;
    try {
      const value = readFileSync(file, 'utf8').trim();
      if (value !== '') return new Secret(value);
      problems.push(`${name}_FILE names a file that is empty`);
    } catch (error) {
      // The value is not printed: it may be the secret itself, pasted into the wrong setting.
      problems.push(
        `${name}_FILE names a file that cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'}); it takes the path of a file, not the value`,
      );
    }
    return null;
  };
  const number = (name: string, fallback: number, min: number, max: number, whole = true): number => {
    const raw = text(name);
    if (raw === null) return fallback;
    const value = Number(raw);
    if (Number.isFinite(value) && value >= min && value <= max && (!whole || Number.isInteger(value))) return value;
    problems.push(`${name}: "${raw}" is not a${whole ? ' whole' : ''} number from ${min} to ${max}`);
    return fallback;
  };
  const flag = (name: string): boolean => {
    const raw = text(name);
    if (raw === null || raw === 'false') return false;
    if (raw !== 'true') problems.push(`${name}: "${raw}" is neither true nor false`);
    return raw === 'true';
  };
  const oneOf = <T extends string>(name: string, fallback: T, allowed: readonly T[]): T => {
    const raw = text(name);
    if (raw === null) return fallback;
    const match = allowed.find((candidate) => candidate === raw);
    if (match === undefined) problems.push(`${name}: "${raw}" is none of ${allowed.join(', ')}`);
    return match ?? fallback;
  };
  const url = (name: string, protocols: readonly string[]): string | null => {
    const raw = text(name);
    if (raw !== null) checkUrl(name, raw, protocols, problems);
    return raw;
  };
  const secretUrl = (name: string, protocols: readonly string[]): Secret | null => {
    const value = secret(name);
    if (value !== null) checkUrl(name, value.reveal(), protocols, problems);
    return value;
  };

  const dataDir = text('EVENKEEL_DATA_DIR') ?? '.evenkeel';
  const venue = oneOf('EVENKEEL_VENUE', 'simulated', venues);
  const lockTtlMs = number('EVENKEEL_LOCK_TTL_MS', 10_000, 1_000, 300_000);
  const recvWindowMs = number('EVENKEEL_RECV_WINDOW_MS', 3_000, 100, 3_000);
  const config: Config = {
    role: oneOf('EVENKEEL_ROLE', 'all', roles),
    logLevel: oneOf('EVENKEEL_LOG_LEVEL', 'info', logLevels),
    dataDir,
    killFile: text('EVENKEEL_KILL_FILE') ?? join(dataDir, 'kill-switch'),
    databaseUrl: secretUrl('DATABASE_URL', ['postgres:', 'postgresql:']),
    database: {
      poolMax: number('EVENKEEL_DB_POOL_MAX', 10, 2, 200),
      intentPoolMax: number('EVENKEEL_DB_INTENT_POOL_MAX', 4, 1, 50),
      statementTimeoutMs: number('EVENKEEL_DB_STATEMENT_TIMEOUT_MS', 10_000, 100, 600_000),
      lockTimeoutMs: number('EVENKEEL_DB_LOCK_TIMEOUT_MS', 5_000, 100, 600_000),
      logSql: flag('EVENKEEL_DB_LOG_SQL'),
    },
    redisUrl: secretUrl('REDIS_URL', ['redis:', 'rediss:']),
    admin: { host: text('EVENKEEL_ADMIN_HOST') ?? '127.0.0.1', port: number('EVENKEEL_ADMIN_PORT', 8080, 0, 65_535) },
    metrics: { host: text('EVENKEEL_METRICS_HOST') ?? '127.0.0.1', port: number('EVENKEEL_METRICS_PORT', 9464, 0, 65_535) },
    trustedNetwork: flag('EVENKEEL_TRUSTED_NETWORK'),
    venue,
    venueUrls: readVenueUrls(
      venue,
      url('EVENKEEL_VENUE_REST_URL', ['http:', 'https:']),
      url('EVENKEEL_VENUE_STREAM_URL', ['ws:', 'wss:']),
      url('EVENKEEL_VENUE_WS_API_URL', ['ws:', 'wss:']),
      problems,
    ),
    credentials: readCredentials(
      secret('EVENKEEL_VENUE_API_KEY'),
      secret('EVENKEEL_VENUE_API_SECRET'),
      secret('EVENKEEL_VENUE_PRIVATE_KEY'),
      problems,
    ),
    simulatorSeed: number('EVENKEEL_SIMULATOR_SEED', 7, 0, 2 ** 31 - 1),
    capacity: number('EVENKEEL_CAPACITY', 10_000, 1, 100_000),
    lockTtlMs,
    claimPollMs: number('EVENKEEL_CLAIM_POLL_MS', 2_000, 100, 60_000),
    recvWindowMs,
    neverPlacedHorizonMs: number('EVENKEEL_NEVER_PLACED_HORIZON_MS', 60_000, 1_000, 3_600_000),
    auditIntervalMs: number('EVENKEEL_AUDIT_INTERVAL_MS', 30_000, 500, 600_000),
    stops: oneOf('EVENKEEL_STOPS', 'exchange', ['exchange', 'engine'] as const),
    protectionCheckMs: number('EVENKEEL_PROTECTION_CHECK_MS', 60_000, 500, 600_000),
    drainTimeoutMs: number('EVENKEEL_DRAIN_TIMEOUT_MS', 8_000, 100, 60_000),
    decisionsKeptMs: number('EVENKEEL_DECISIONS_KEPT_HOURS', 72, 1, 8_784) * 3_600_000,
    commit: text('EVENKEEL_COMMIT') ?? 'unknown',
    paper: {
      feePercent: number('EVENKEEL_PAPER_FEE_PERCENT', 0.1, 0, 10, false),
      spreadPercent: number('EVENKEEL_PAPER_SPREAD_PERCENT', 0, 0, 10, false),
      slippagePercent: number('EVENKEEL_PAPER_SLIPPAGE_PERCENT', 0, 0, 10, false),
    },
    crashAt: text('EVENKEEL_CRASH_AT'),
  };
  if (venue !== 'simulated' && config.credentials !== null) refuseOpenWires(config.venueUrls, problems);
  if (config.crashAt !== null) checkCrashAt(venue, config.crashAt, problems);
  if (venue !== 'simulated' && config.neverPlacedHorizonMs < recvWindowMs + 20_000) {
    problems.push(
      `EVENKEEL_NEVER_PLACED_HORIZON_MS: ${config.neverPlacedHorizonMs} is too short for a real venue; it must be at least ${recvWindowMs + 20_000} (receive window + 10 s API time + visibility margin)`,
    );
  }
  for (const name of Object.keys(env)) {
    if (name.startsWith('EVENKEEL_') && !known.has(name)) problems.push(`${name} is not a setting of Evenkeel; see .env.example`);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

function checkCrashAt(venue: Venue, crashAt: string, problems: string[]): void {
  if (venue !== 'simulated') problems.push('EVENKEEL_CRASH_AT is for proofs against the simulator; remove it');
  try {
    armCrashPoint(crashAt, () => undefined);
  } catch (error) {
    problems.push(`EVENKEEL_CRASH_AT: ${error instanceof Error ? error.message : String(error)}`);
  }
}

const loopback = /^(127(\.\d{1,3}){3}|localhost|\[::1\])$/;

/** Without TLS others could read the key and signed requests, and forge answers. Addresses of this host are allowed. */
function refuseOpenWires(urls: VenueUrls | null, problems: string[]): void {
  const named = {
    EVENKEEL_VENUE_REST_URL: urls?.restUrl,
    EVENKEEL_VENUE_STREAM_URL: urls?.streamUrl,
    EVENKEEL_VENUE_WS_API_URL: urls?.wsApiUrl,
  };
  for (const [name, raw] of Object.entries(named)) {
    if (raw === undefined || !URL.canParse(raw)) continue;
    const { protocol, hostname } = new URL(raw);
    if ((protocol === 'http:' || protocol === 'ws:') && !loopback.test(hostname))
      problems.push(`${name} is not encrypted (${protocol}//): with an exchange key use ${protocol === 'http:' ? 'https' : 'wss'}://`);
  }
}

function checkUrl(name: string, raw: string, protocols: readonly string[], problems: string[]): void {
  const expected = protocols.map((protocol) => `${protocol}//…`).join(' or ');
  const parsed = URL.canParse(raw) ? new URL(raw) : null;
  // The value is not printed: it may contain a password.
  if (parsed === null || !protocols.includes(parsed.protocol)) problems.push(`${name} is not a URL of the form ${expected}`);
}

const publicVenueUrls: Readonly<Record<Exclude<Venue, 'simulated'>, VenueUrls>> = {
  binance: {
    restUrl: 'https://api.binance.com',
    streamUrl: 'wss://stream.binance.com:9443',
    wsApiUrl: 'wss://ws-api.binance.com:443/ws-api/v3',
  },
  'binance-demo': {
    restUrl: 'https://demo-api.binance.com',
    streamUrl: 'wss://demo-stream.binance.com:9443',
    wsApiUrl: 'wss://demo-ws-api.binance.com/ws-api/v3',
  },
  'binance-testnet': {
    restUrl: 'https://testnet.binance.vision',
    streamUrl: 'wss://stream.testnet.binance.vision',
    wsApiUrl: 'wss://ws-api.testnet.binance.vision/ws-api/v3',
  },
};

function readVenueUrls(
  venue: Venue,
  restUrl: string | null,
  streamUrl: string | null,
  wsApiUrl: string | null,
  problems: string[],
): VenueUrls | null {
  if (venue !== 'simulated') {
    const published = publicVenueUrls[venue];
    return { restUrl: restUrl ?? published.restUrl, streamUrl: streamUrl ?? published.streamUrl, wsApiUrl: wsApiUrl ?? published.wsApiUrl };
  }
  if (restUrl === null && streamUrl === null && wsApiUrl === null) return null;
  if (restUrl !== null && streamUrl !== null && wsApiUrl !== null) return { restUrl, streamUrl, wsApiUrl };
  problems.push(
    'EVENKEEL_VENUE_REST_URL, EVENKEEL_VENUE_STREAM_URL and EVENKEEL_VENUE_WS_API_URL belong together: set all three to use a simulator elsewhere, or none to run it in this process',
  );
  return null;
}

function readCredentials(
  apiKey: Secret | null,
  hmacSecret: Secret | null,
  privateKey: Secret | null,
  problems: string[],
): Credentials | null {
  if (apiKey === null && hmacSecret === null && privateKey === null) return null;
  if (hmacSecret !== null && privateKey !== null) {
    problems.push('EVENKEEL_VENUE_API_SECRET (HMAC) and EVENKEEL_VENUE_PRIVATE_KEY (Ed25519) are both set; keep one');
    return null;
  }
  const secret = hmacSecret ?? privateKey;
  if (apiKey === null || secret === null) {
    problems.push(
      'EVENKEEL_VENUE_API_KEY needs EVENKEEL_VENUE_API_SECRET or EVENKEEL_VENUE_PRIVATE_KEY beside it, and the other way round',
    );
    return null;
  }
  return { apiKey, kind: hmacSecret === null ? 'ed25519' : 'hmac', secret };
}
