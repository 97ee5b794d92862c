/** The engine as its own process, spoken to through its admin plane only. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { spawnProcess } from './processes.ts';
import type { RunningProcess, SpawnedProcess } from './processes.ts';

export interface EngineStatus {
  readonly settledThroughMs: number | null;
  readonly botsRunning: number;
  readonly owner: string;
  /** As the API tells it. */
  readonly coordination: Readonly<Record<string, unknown>>;
}

export interface BotView {
  readonly id: string;
  readonly name: string;
  readonly [key: string]: unknown;
}

export class EngineProcess {
  readonly process: RunningProcess;
  readonly url: string;
  readonly token: string;

  constructor(process: RunningProcess, token: string) {
    this.process = process;
    this.url = process.ready[1] ?? '';
    this.token = token;
  }

  /** One request; throws with the problem's text unless the answer is 2xx. */
  async ask<T>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await this.raw(method, path, body);
    if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${await answer.text()}`);
    return (await answer.json()) as T;
  }

  raw(method: string, path: string, body?: unknown): Promise<Response> {
    return fetch(`${this.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${this.token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
  }

  async status(): Promise<EngineStatus> {
    const told = await this.ask<Pick<EngineStatus, 'owner' | 'coordination'> & { bots_running: number; settled_through: string | null }>(
      'GET',
      '/v1/status',
    );
    const settledThroughMs = told.settled_through === null ? null : Date.parse(told.settled_through);
    return { settledThroughMs, botsRunning: told.bots_running, owner: told.owner, coordination: told.coordination };
  }

  async createBot(columns: Record<string, unknown>): Promise<BotView> {
    const confirmed = columns['mode'] === 'live' ? { ...columns, confirm_name: columns['name'] } : columns;
    const bot = await this.ask<BotView>('POST', '/v1/bots', confirmed);
    await this.ask('POST', `/v1/bots/${bot.id}/commands`, { command: 'start' });
    return bot;
  }
}

/** Spawns an engine without waiting for it. `dataDir` keeps its token; the first engine on a database writes it. */
export function spawnEngine(env: Readonly<Record<string, string>>, dataDir: string): SpawnedProcess {
  return spawnProcess(
    'engine/main.ts',
    [],
    { EVENKEEL_DATA_DIR: dataDir, EVENKEEL_ADMIN_PORT: '0', EVENKEEL_METRICS_PORT: '0', ...env },
    /Evenkeel is ready: (http:\/\/\S+)/,
  );
}

/** The engine behind a spawned process, once it is ready. `tokenDir` is the data folder of the installation's first engine. */
export async function engineOf(spawned: SpawnedProcess, tokenDir: string): Promise<EngineProcess> {
  const process = { ...spawned, ready: await spawned.ready };
  return new EngineProcess(process, (await readFile(join(tokenDir, 'token'), 'utf8')).trim());
}

/** Starts an engine and waits until it is ready. */
export function startEngineProcess(env: Readonly<Record<string, string>>, dataDir: string, tokenDir = dataDir): Promise<EngineProcess> {
  return engineOf(spawnEngine(env, dataDir), tokenDir);
}
