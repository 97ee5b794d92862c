/**
 * One venue's REST connection: keep-alive, weight asked for before and learnt from every answer, bounded time and size.
 * Reads may be repeated after a network error; an order is sent once, whatever happens.
 */
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Log } from '../../observe/log.ts';
import type { Metrics } from '../../observe/metrics.ts';
import type { Clock, VenueClock } from '../../time/clock.ts';
import { ExchangeError } from '../exchange.ts';
import type { Refusal } from '../exchange.ts';
import { networkRefusal, refusalOf } from './errors.ts';
import type { RawAnswer } from './errors.ts';
import { parseJson } from './json.ts';
import { encodeQuery, signQuery } from './signing.ts';
import type { QueryValue, Signer } from './signing.ts';

export type RequestPriority = 'protect' | 'exit' | 'entry' | 'audit' | 'history';

/** The request weight of this IP, shared by whoever uses it. */
export interface RequestBudget {
  take(
    weight: number,
    priority: RequestPriority,
  ): Promise<{ readonly granted: true } | { readonly granted: false; readonly retryAfterMs: number; readonly reason: string }>;
  observe(used: number, limit: number, atVenueMs: number): void;
  blockUntil(untilMs: number, reason: string): Promise<void>;
}

export interface RestOptions {
  readonly baseUrl: string;
  readonly clock: Clock;
  readonly venueClock: VenueClock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly budget: RequestBudget;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly signer: Signer | null;
}

export interface ReadRequest {
  /** For metrics and errors, e.g. `klines`. */
  readonly what: string;
  readonly path: string;
  readonly query: Readonly<Record<string, QueryValue>>;
  readonly weight: number;
  readonly priority: RequestPriority;
  readonly signed: boolean;
}

const readTimeoutMs = 10_000;
/** Binance gives up after 10 s itself (-1007): waiting longer than that makes fewer unknowns. */
const orderTimeoutMs = 15_000;
const readAttempts = 3;
const budgetPatienceMs = 30_000;
const bodyMaxBytes = 8 * 1024 * 1024;
const readRecvWindowMs = 5_000;
const defaultPauseMs = 60_000;
const publishedWeightLimit = 6_000;

export class RestClient {
  readonly #options: RestOptions;
  readonly #agent: HttpAgent;
  readonly #secure: boolean;
  readonly #base: URL;
  /** Monotonic time before which nothing is sent: the venue asked for silence. */
  #silentUntil = 0;
  #silence: Refusal | null = null;
  #weightLimit = publishedWeightLimit;

  constructor(options: RestOptions) {
    this.#options = options;
    this.#base = new URL(options.baseUrl);
    this.#secure = this.#base.protocol === 'https:';
    const settings = { keepAlive: true, maxSockets: 64, scheduling: 'lifo' as const };
    this.#agent = this.#secure ? new HttpsAgent(settings) : new HttpAgent(settings);
  }

  /** The venue's published weight limit, from exchangeInfo. */
  setWeightLimit(limit: number): void {
    this.#weightLimit = limit;
  }

  close(): void {
    this.#agent.destroy();
  }

  /** One read. Throws `ExchangeError` when no usable answer was had. */
  async read(request: ReadRequest): Promise<unknown> {
    for (let attempt = 1; ; attempt += 1) {
      await this.#budgeted(request);
      const answer = await this.#exchange('GET', request.what, this.#pathOf(request), null, readTimeoutMs);
      if (answer.status === 200 && answer.body !== undefined) return answer.body;
      const refusal = answer.refusal ?? refusalOf(answer);
      const again = (refusal.class === 'network' || refusal.class === 'server' || refusal.class === 'clock') && attempt < readAttempts;
      if (!again) throw new ExchangeError(request.what, refusal);
      await this.#options.clock.sleep(this.#options.random() * 250 * 2 ** attempt);
    }
  }

  /** Sends a signed request that changes something, once and in this turn of the loop. Never throws. */
  send(
    method: 'POST' | 'DELETE',
    what: string,
    path: string,
    body: Readonly<Record<string, QueryValue>>,
  ): Promise<RawAnswer & { readonly refusal: Refusal | null }> {
    const { signer, clock } = this.#options;
    if (signer === null)
      return Promise.resolve({
        status: 0,
        body: undefined,
        retryAfterSeconds: null,
        refusal: { httpStatus: 401, code: -2014, message: 'there is no API key', class: 'authentication' },
      });
    if (this.#silence !== null && clock.monotonic() < this.#silentUntil)
      return Promise.resolve({ status: this.#silence.httpStatus, body: undefined, retryAfterSeconds: null, refusal: this.#silence });
    return this.#exchange(method, what, path, signQuery(encodeQuery(body), signer), orderTimeoutMs);
  }

  #pathOf({ path, query, signed }: ReadRequest): string {
    const { signer, venueClock } = this.#options;
    if (!signed) return `${path}?${encodeQuery(query)}`;
    if (signer === null)
      throw new ExchangeError(path, { httpStatus: 401, code: -2014, message: 'there is no API key', class: 'authentication' });
    return `${path}?${signQuery(encodeQuery({ ...query, recvWindow: readRecvWindowMs, timestamp: Math.floor(venueClock.now()) }), signer)}`;
  }

  async #budgeted({ what, weight, priority }: ReadRequest): Promise<void> {
    const { budget, clock, metrics } = this.#options;
    const startedAt = clock.monotonic();
    for (;;) {
      const answer = await budget.take(weight, priority);
      const waited = clock.monotonic() - startedAt;
      metrics.rateLimitWait.observe(waited / 1_000);
      if (answer.granted) return;
      if (waited + answer.retryAfterMs > budgetPatienceMs)
        throw new ExchangeError(what, {
          httpStatus: 0,
          code: null,
          message: answer.reason,
          class: 'rate-limited',
          retryAfterMs: answer.retryAfterMs,
        });
      metrics.exchangeBackoff.inc({ market: 'spot' }, answer.retryAfterMs / 1_000);
      await clock.sleep(answer.retryAfterMs);
    }
  }

  #exchange(
    method: string,
    what: string,
    path: string,
    body: string | null,
    timeoutMs: number,
  ): Promise<RawAnswer & { readonly refusal: Refusal | null }> {
    const { clock, venueClock, metrics, signer } = this.#options;
    const startedAt = clock.monotonic();
    const done = (result: string): void => {
      metrics.exchangeRequests.inc({ endpoint_group: what, market: 'spot', result });
      metrics.exchangeRequestDuration.observe({ endpoint_group: what, market: 'spot' }, (clock.monotonic() - startedAt) / 1_000);
    };
    return new Promise((resolve) => {
      const fail = (error: unknown): void => {
        deadline.cancel();
        done('network');
        resolve({ status: 0, body: undefined, retryAfterSeconds: null, refusal: networkRefusal(error) });
      };
      const open = this.#secure ? httpsRequest : httpRequest;
      const request = open({
        protocol: this.#base.protocol,
        hostname: this.#base.hostname,
        port: this.#base.port,
        path: `${this.#base.pathname.replace(/\/$/, '')}${path}`,
        method,
        agent: this.#agent,
        headers: {
          ...(signer === null ? {} : { 'x-mbx-apikey': signer.apiKey.reveal() }),
          ...(body === null ? {} : { 'content-type': 'application/x-www-form-urlencoded', 'content-length': Buffer.byteLength(body) }),
        },
      });
      const deadline = clock.after(timeoutMs, () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)));
      request.setNoDelay(true);
      request.on('error', fail);
      request.on('response', (response) => {
        readText(response).then((text) => {
          deadline.cancel();
          const answer: RawAnswer = {
            status: response.statusCode ?? 0,
            body: parseJson(text),
            retryAfterSeconds: numberOf(response.headers['retry-after']),
          };
          this.#learn(response, answer);
          done(answer.status >= 200 && answer.status < 300 ? 'ok' : `http-${answer.status}`);
          const heard = { ...answer, refusal: null };
          // Whatever is signed next must not fail for the same reason.
          if (refusalOf(answer).class === 'clock') void venueClock.resync().then(() => resolve(heard));
          else resolve(heard);
        }, fail);
      });
      request.end(body ?? undefined);
    });
  }

  /** Weight used, and silence asked for (429 with Retry-After, 418). */
  #learn(response: IncomingMessage, answer: RawAnswer): void {
    const { budget, clock, venueClock, metrics, log } = this.#options;
    const used = numberOf(response.headers['x-mbx-used-weight-1m']);
    if (used !== null) {
      budget.observe(used, this.#weightLimit, venueClock.now());
      metrics.exchangeUsedWeightRatio.set({ market: 'spot' }, used / this.#weightLimit);
    }
    if (answer.status !== 429 && answer.status !== 418) return;
    const refusal = refusalOf(answer);
    // -1015 limits orders, not requests.
    if (refusal.code === -1015) return;
    const pauseMs = refusal.retryAfterMs ?? defaultPauseMs;
    this.#silentUntil = clock.monotonic() + pauseMs;
    this.#silence = refusal;
    metrics.exchangeBanUntil.set(answer.status === 418 ? (clock.now() + pauseMs) / 1_000 : 0);
    log.warn(
      { status: answer.status, pauseMs, message: refusal.message },
      'the exchange asks for silence; nothing is requested until then',
    );
    budget
      .blockUntil(clock.now() + pauseMs, `HTTP ${answer.status}`)
      .catch((error: unknown) => log.warn({ err: error }, 'the silence could not be shared'));
  }
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > bodyMaxBytes) throw new Error(`the answer is larger than ${bodyMaxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function numberOf(header: string | string[] | undefined): number | null {
  const value = Number(Array.isArray(header) ? header[0] : header);
  return header === undefined || !Number.isFinite(value) ? null : value;
}
