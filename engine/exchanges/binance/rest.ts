/**
 * One venue's REST connection: keep-alive, weight asked for before and learnt from every answer, bounded time and size.
 * Reads may be repeated after a network error; an order is sent once, whatever happens.
 */
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Log } from '../../observe/log.ts';
import type { Metrics } from '../../observe/metrics.ts';
import type { Clock, VenueClock } from '../../time/clock.ts';
import { ExchangeError } from '../exchange.ts';
import type { Refusal } from '../exchange.ts';
import type { RequestGate, RequestPriority } from '../request-gate.ts';
import { networkRefusal, refusalOf } from './errors.ts';
import type { RawAnswer } from './errors.ts';
import { countParts, parseJson } from './json.ts';
import { encodeQuery, signQuery } from './signing.ts';
import type { QueryValue, Signer } from './signing.ts';

export interface RestOptions {
  readonly baseUrl: string;
  readonly clock: Clock;
  readonly venueClock: VenueClock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly gate: RequestGate;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly signer: Signer | null;
  /** The venue refused a request for missing rights. */
  readonly onUnauthorised?: () => void;
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
/** Longer than the 10 s after which Binance itself gives up (-1007): fewer outcomes stay unknown. */
const orderTimeoutMs = 15_000;
const readAttempts = 3;

/** What an answer may hold: parsing it is one piece of work on the loop, and grows with its parts (values, arrays, objects). */
interface AnswerBound {
  readonly bytes: number;
  readonly parts: number;
}

/** A thousand orders have 700 KB and 30,000 parts. */
const usualBound: AnswerBound = { bytes: 2 * 1024 * 1024, parts: 100_000 };
/** Answers that are larger by nature: every symbol of the venue with its filters. */
const boundOf: Readonly<Record<string, AnswerBound>> = { exchangeInfo: { bytes: 8 * 1024 * 1024, parts: 1_000_000 } };
const readRecvWindowMs = 5_000;

export class RestClient {
  readonly #options: RestOptions;
  readonly #agent: HttpAgent;
  readonly #secure: boolean;
  readonly #base: URL;

  constructor(options: RestOptions) {
    this.#options = options;
    this.#base = new URL(options.baseUrl);
    this.#secure = this.#base.protocol === 'https:';
    const settings = { keepAlive: true, maxSockets: 64, scheduling: 'lifo' as const };
    this.#agent = this.#secure ? new HttpsAgent(settings) : new HttpAgent(settings);
  }

  close(): void {
    this.#agent.destroy();
  }

  /** One read. Throws `ExchangeError` when no usable answer was had. */
  async read(request: ReadRequest): Promise<unknown> {
    for (let attempt = 1; ; attempt += 1) {
      await this.#options.gate.admit(request.what, request.weight, request.priority);
      const answer = await this.#exchange('GET', request.what, this.#pathOf(request), null, readTimeoutMs, null);
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
    mayLeave: (() => boolean) | null,
  ): Promise<RawAnswer & { readonly refusal: Refusal | null }> {
    const { signer, gate } = this.#options;
    if (signer === null) return this.#unsent({ httpStatus: 401, code: -2014, message: 'there is no API key', class: 'authentication' });
    const silence = gate.silenceRefusal();
    if (silence !== null) return this.#unsent(silence);
    return this.#exchange(method, what, path, signQuery(encodeQuery(body), signer), orderTimeoutMs, mayLeave);
  }

  #unsent(refusal: Refusal): Promise<RawAnswer & { readonly refusal: Refusal | null }> {
    return Promise.resolve({
      status: refusal.httpStatus,
      body: undefined,
      retryAfterSeconds: null,
      receivedAtVenueMs: this.#options.venueClock.now(),
      refusal,
    });
  }

  #pathOf({ path, query, signed }: ReadRequest): string {
    const { signer, venueClock } = this.#options;
    if (!signed) return `${path}?${encodeQuery(query)}`;
    if (signer === null)
      throw new ExchangeError(path, { httpStatus: 401, code: -2014, message: 'there is no API key', class: 'authentication' });
    return `${path}?${signQuery(encodeQuery({ ...query, recvWindow: readRecvWindowMs, timestamp: Math.floor(venueClock.now()) }), signer)}`;
  }

  #exchange(
    method: string,
    what: string,
    path: string,
    body: string | null,
    timeoutMs: number,
    mayLeave: (() => boolean) | null,
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
        resolve({
          status: 0,
          body: undefined,
          retryAfterSeconds: null,
          receivedAtVenueMs: venueClock.now(),
          refusal: networkRefusal(error),
        });
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
      if (mayLeave !== null) giveUpUnless(mayLeave, request);
      request.on('response', (response) => {
        readText(response, boundOf[what] ?? usualBound).then((text) => {
          deadline.cancel();
          const answer: RawAnswer = {
            status: response.statusCode ?? 0,
            body: parseJson(text),
            retryAfterSeconds: numberOf(response.headers['retry-after']),
            receivedAtVenueMs: venueClock.now(),
          };
          this.#options.gate.learn({
            usedWeight: numberOf(response.headers['x-mbx-used-weight-1m']),
            orderCounts: orderCountsOf(response.headers),
            refusal: answer.status >= 400 ? refusalOf(answer) : null,
          });
          done(answer.status >= 200 && answer.status < 300 ? 'ok' : `http-${answer.status}`);
          const heard = { ...answer, refusal: null };
          const refused = refusalOf(answer).class;
          if (refused === 'authentication') this.#options.onUnauthorised?.();
          // Whatever is signed next must not fail for the same reason.
          if (refused === 'clock') void venueClock.resync().then(() => resolve(heard));
          else resolve(heard);
        }, fail);
      });
      request.end(body ?? undefined);
    });
  }
}

/** A request may wait for a free socket, or for a new connection: whether it may still leave is asked again after that. */
function giveUpUnless(mayLeave: () => boolean, request: ClientRequest): void {
  const look = (): void => {
    if (!mayLeave()) request.destroy(new Error('it was stopped before it was sent'));
  };
  request.once('socket', (socket) => {
    // Heard before the request is written: the client writes it when the listeners of this event have run.
    if (socket.connecting) socket.once('connect', look);
    else look();
  });
}

async function readText(response: IncomingMessage, bound: AnswerBound): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > bound.bytes) throw new Error(`the answer is larger than ${bound.bytes} bytes`);
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks);
  if (countParts(body) > bound.parts) throw new Error(`the answer has more than ${bound.parts} parts`);
  return body.toString('utf8');
}

function numberOf(header: string | string[] | undefined): number | null {
  const value = Number(Array.isArray(header) ? header[0] : header);
  return header === undefined || !Number.isFinite(value) ? null : value;
}

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `x-mbx-order-count-10s: 7` means 7 in windows of 10 s. */
function orderCountsOf(headers: IncomingHttpHeaders): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  for (const [name, value] of Object.entries(headers)) {
    const [, length = '', unit = ''] = /^x-mbx-order-count-(\d+)([smhd])$/i.exec(name) ?? [];
    const count = numberOf(value);
    const lengthMs = unitMs[unit.toLowerCase()];
    if (lengthMs !== undefined && count !== null) counts.set(Number(length) * lengthMs, count);
  }
  return counts;
}
