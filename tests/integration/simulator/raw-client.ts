/** A stepped simulator and plain clients of its wire: HTTP with HMAC signatures, sockets that keep what they heard. */
import { createHmac } from 'node:crypto';
import { pino } from 'pino';
import { WebSocket } from 'ws';
import { systemClock } from '../../../engine/time/clock.ts';
import { generatedFuel } from '../../../simulator/generator.ts';
import { startSimulator } from '../../../simulator/simulator.ts';
import type { Simulator, SimulatorOptions } from '../../../simulator/simulator.ts';
import { eventually } from '../../e2e/support/processes.ts';

export const key = { apiKey: 'key', secret: 'secret' };

export function openSimulator(change: Partial<SimulatorOptions> = {}): Promise<Simulator> {
  return startSimulator({
    clock: systemClock,
    log: pino({ level: 'silent' }),
    port: 0,
    controlPort: 0,
    fuel: generatedFuel({ seed: 5, symbols: ['BTCUSDT', 'ETHUSDT'], baseTimeframe: '1m' }),
    pace: { kind: 'stepped' },
    seed: 5,
    accounts: [{ name: 'a', apiKey: key.apiKey, secret: { kind: 'hmac', secret: key.secret }, deposits: { USDT: '10000', BTC: '1' } }],
    ...change,
  });
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

export type Values = Readonly<Record<string, string | number>>;

export function queryOf(values: Values): string {
  return new URLSearchParams(Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]))).toString();
}

export const hmac = (payload: string): string => createHmac('sha256', key.secret).update(payload).digest('hex');

export class RawClient {
  readonly simulator: Simulator;
  constructor(simulator: Simulator) {
    this.simulator = simulator;
  }

  async send(method: string, path: string, query = ''): Promise<Answer> {
    const url = `${this.simulator.restUrl}${path}${query === '' ? '' : `?${query}`}`;
    const answer = await fetch(url, { method, headers: { 'x-mbx-apikey': key.apiKey } });
    return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Record<string, unknown> };
  }

  signed(method: string, path: string, values: Values = {}): Promise<Answer> {
    const entries = { ...values, timestamp: values['timestamp'] ?? this.simulator.now() };
    const query = queryOf(entries);
    return this.send(method, path, `${query}&signature=${hmac(query)}`);
  }

  order(change: Values = {}): Promise<Answer> {
    return this.signed('POST', '/api/v3/order', { symbol: 'BTCUSDT', side: 'BUY', type: 'MARKET', quantity: '0.01', ...change });
  }

  /** A bid far below the market. */
  resting(change: Values = {}): Promise<Answer> {
    return this.order({ type: 'LIMIT', timeInForce: 'GTC', price: '20000', ...change });
  }

  async fault(body: unknown): Promise<{ readonly status: number; readonly error: string }> {
    const answer = await fetch(`${this.simulator.controlUrl ?? ''}/faults`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const told = (await answer.json()) as { error?: string };
    return { status: answer.status, error: told.error ?? '' };
  }

  async clearFaults(): Promise<void> {
    await fetch(`${this.simulator.controlUrl ?? ''}/faults`, { method: 'DELETE' });
  }
}

export type Frame = Record<string, unknown>;

export class RawSocket {
  readonly frames: Frame[] = [];
  readonly socket: WebSocket;
  #nextId = 1;

  private constructor(url: string) {
    this.socket = new WebSocket(url);
    this.socket.on('message', (data: Buffer) => this.frames.push(JSON.parse(data.toString()) as Frame));
  }

  static async open(url: string): Promise<RawSocket> {
    const opened = new RawSocket(url);
    await new Promise((resolve, reject) => {
      opened.socket.once('open', resolve);
      opened.socket.once('error', reject);
    });
    return opened;
  }

  /** A WebSocket API request; resolves with its answer. */
  async ask(method: string, params: Frame = {}): Promise<Frame> {
    const id = this.#nextId;
    this.#nextId += 1;
    this.socket.send(JSON.stringify({ id, method, params }));
    return eventually(`an answer to ${method}`, 5_000, async () => this.frames.find((frame) => frame['id'] === id));
  }

  /** Signed as the WebSocket API wants it: sorted by name, not percent-encoded. */
  askSigned(method: string, params: Frame, timestamp: number): Promise<Frame> {
    const all: Frame = { ...params, apiKey: key.apiKey, timestamp };
    const payload = Object.keys(all)
      .sort()
      .map((name) => `${name}=${String(all[name])}`)
      .join('&');
    return this.ask(method, { ...all, signature: hmac(payload) });
  }

  events(name: string): Frame[] {
    return this.frames.map((frame) => (frame['event'] ?? {}) as Frame).filter((event) => event['e'] === name);
  }
}
