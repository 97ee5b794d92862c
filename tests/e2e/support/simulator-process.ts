/** The simulator as its own process, driven through its control port. */
import { startProcess } from './processes.ts';
import type { RunningProcess } from './processes.ts';

export const account = {
  name: 'main',
  apiKey: 'e2eKey000000000000000000000000000000000000000000000000000000001',
  secret: 'e2eSecret0000000000000000000000000000000000000000000000000000001',
} as const;

export interface LedgerOrder {
  readonly symbol: string;
  readonly orderId: string;
  readonly clientOrderId: string;
  readonly side: string;
  readonly type: string;
  readonly status: string;
  readonly quantity: string;
  readonly price: string;
  readonly stopPrice: string | null;
  readonly executedQuantity: string;
  readonly arrivedAtMs: number;
}

export interface LedgerTrade {
  readonly symbol: string;
  readonly tradeId: string;
  readonly clientOrderId: string;
  readonly side: string;
  readonly price: string;
  readonly quantity: string;
  readonly commission: string;
  readonly commissionAsset: string;
  readonly atMs: number;
}

export interface LedgerAccount {
  readonly name: string;
  readonly orders: readonly LedgerOrder[];
  readonly trades: readonly LedgerTrade[];
  readonly balances: readonly { readonly asset: string; readonly free: string; readonly locked: string }[];
}

export interface SimulatorState {
  readonly nowMs: number;
  readonly candlesLeft: number | null;
  readonly requestsInBan: number;
  readonly actions: number;
}

export interface SimulatorProcess {
  readonly url: string;
  readonly process: RunningProcess;
  /** Environment that points an engine at it. */
  readonly env: Readonly<Record<string, string>>;
  state(): Promise<SimulatorState>;
  step(candles?: number): Promise<void>;
  ledger(): Promise<LedgerAccount>;
  fault(body: Record<string, unknown>): Promise<void>;
  /** What stands. */
  faults(): Promise<readonly { readonly kind: string; readonly left: number }[]>;
  clearFaults(): Promise<void>;
}

export async function startSimulatorProcess(args: readonly string[]): Promise<SimulatorProcess> {
  const process = await startProcess(
    'simulator/main.ts',
    ['--port', '0', '--control-port', '0', '--account', `${account.name}:${account.apiKey}:${account.secret}:USDT=1000000`, ...args],
    {},
    /Simulator is ready: (http:\/\/\S+) \(control (http:\/\/[^)\s]+)\)/,
  );
  const [, url = '', control = ''] = process.ready;
  const ask = async <T>(path: string, body?: unknown): Promise<T> => {
    const answer = await fetch(
      `${control}${path}`,
      body === undefined ? {} : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) },
    );
    if (!answer.ok) throw new Error(`the simulator's control port answered ${answer.status} to ${path}: ${await answer.text()}`);
    return (await answer.json()) as T;
  };
  const streams = url.replace(/^http/, 'ws');
  return {
    url,
    process,
    env: {
      EVENKEEL_VENUE: 'simulated',
      EVENKEEL_VENUE_REST_URL: url,
      EVENKEEL_VENUE_STREAM_URL: streams,
      EVENKEEL_VENUE_WS_API_URL: `${streams}/ws-api/v3`,
      EVENKEEL_VENUE_API_KEY: account.apiKey,
      EVENKEEL_VENUE_API_SECRET: account.secret,
    },
    state: () => ask<SimulatorState>('/state'),
    async step(candles = 1) {
      await ask('/step', { candles });
    },
    async ledger() {
      const { accounts } = await ask<{ accounts: LedgerAccount[] }>('/ledger');
      const own = accounts.find((one) => one.name === account.name);
      if (own === undefined) throw new Error('the ledger does not know the test account');
      return own;
    },
    async fault(body) {
      await ask('/faults', body);
    },
    faults: () => ask('/faults'),
    async clearFaults() {
      const answer = await fetch(`${control}/faults`, { method: 'DELETE' });
      if (!answer.ok) throw new Error(`the simulator's control port answered ${answer.status} when its faults were cleared`);
    },
  };
}
