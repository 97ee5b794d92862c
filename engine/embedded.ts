/**
 * What `npm start` brings along when nothing is configured: a PostgreSQL of its own, an exchange simulator in this
 * process, and a log file, so that the terminal shows only what a person wants to read.
 */
import { join, resolve } from 'node:path';
import { pino } from 'pino';
import { generatedFuel } from '../simulator/generator.ts';
import { startSimulator } from '../simulator/simulator.ts';
import type { Config, VenueUrls } from './config.ts';
import { claimDataFolder } from './data-folder.ts';
import type { Log } from './observe/log.ts';
import { startEmbeddedPostgres } from './database/embedded-postgres.ts';
import { systemClock } from './time/clock.ts';

/** Something that was started for the engine and is stopped after it. */
export interface Companion {
  stop(): Promise<void>;
}

export interface Embedded {
  readonly logPath: string;
  readonly logDestination: pino.DestinationStream;
}

/** Throws `DataFolderUnusable`, before anything is written to the log of an engine that runs there. */
export function prepareEmbedded(config: Config): Embedded {
  claimDataFolder(config.dataDir);
  const logPath = resolve(config.dataDir, 'engine.log');
  return { logPath, logDestination: pino.destination({ dest: logPath, sync: true, mkdir: true, mode: 0o600 }) };
}

export async function startDatabase(config: Config, log: Log): Promise<Companion & { readonly url: string }> {
  return startEmbeddedPostgres({ dataDir: join(config.dataDir, 'postgres'), log, clock: systemClock });
}

export const embeddedSymbols = ['BTCUSDT', 'ETHUSDT', 'SOLUSDT'] as const;

/** An exchange in this process, at the pace of the wall clock. Its market is a function of the seed and the time, so a restart goes on with it. */
export async function startExchange(config: Config, log: Log): Promise<Companion & VenueUrls> {
  return startSimulator({
    clock: systemClock,
    log,
    port: 0,
    controlPort: null,
    fuel: generatedFuel({ seed: config.simulatorSeed, symbols: embeddedSymbols, baseTimeframe: '1s' }),
    pace: { kind: 'real' },
    accounts: [],
    seed: config.simulatorSeed,
  });
}
