/**
 * The command: reads the configuration, starts what it asks for, prints one line when ready, and ends in order.
 * An error that nobody caught ends the process, and the next start recovers from the rows.
 */
import { ConfigError, readConfig } from './config.ts';
import type { Config } from './config.ts';
import { armCrashPoint, reachNothing } from './crash-points.ts';
import type { RunningEngine } from './compose.ts';
import { KillFile } from './kill-switch/file.ts';
import { KillSwitches } from './kill-switch/standing.ts';
import { createLog } from './observe/log.ts';
import type { Log } from './observe/log.ts';
import { DataFolderUnusable, makeDataFolder } from './data-folder.ts';
import { prepareEmbedded } from './embedded.ts';
import type { Embedded } from './embedded.ts';
import { lastLine } from './supervisor/bot-lines.ts';
import { systemClock } from './time/clock.ts';
import { Interrupted } from './time/waiting.ts';

const exitCodes = { failure: 1, configuration: 4, dependency: 6 } as const;

const help = `The trading engine. It is set by environment variables; .env.example lists all of them with what they mean.

Examples
  npm start                                       everything embedded: database in .evenkeel/, a simulated exchange, three paper bots
  DATABASE_URL=postgres://... REDIS_URL=redis://... npm start
  EVENKEEL_VENUE=binance EVENKEEL_VENUE_API_KEY_FILE=... EVENKEEL_VENUE_API_SECRET_FILE=... npm start

Prints "Evenkeel is ready" with the address of its API and where the token lies. Ctrl-C or SIGTERM ends it in order: stops and
targets stay at the exchange. README.md shows the first bot; docs/ has the rest.
`;

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function complain(line: string): void {
  process.stderr.write(`${line}\n`);
}

function readConfigOrExit(): Config {
  try {
    return readConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    complain(error.message);
    process.exit(exitCodes.configuration);
  }
}

async function main(): Promise<void> {
  const [major = 0] = process.versions.node.split('.').map(Number);
  if (major < 24) {
    complain(`Evenkeel needs Node 24 and this is ${process.version}. "npm start" after "npm ci" brings its own; see README.md.`);
    process.exit(exitCodes.configuration);
  }
  const [argument] = process.argv.slice(2);
  if (argument === '--help' || argument === '-h') {
    process.stdout.write(help);
    return;
  }
  if (argument !== undefined) {
    complain(`"${argument}" is not understood: the engine is set by environment variables; see npm start -- --help.`);
    process.exit(exitCodes.configuration);
  }
  const config = readConfigOrExit();
  const embedded = prepareFolderOrExit(config);
  const log = createLog({ level: config.logLevel, ...(embedded === null ? {} : { destination: embedded.logDestination }) });
  crashOnStrayErrors(log);
  const onFatal = (reason: string): void => {
    log.fatal({ reason }, 'the engine must not go on');
    complain(`Evenkeel ends: ${reason}.`);
    process.exit(exitCodes.failure);
  };
  const reach = config.crashAt === null ? reachNothing : armCrashPoint(config.crashAt, (signal) => process.kill(process.pid, signal));
  const standing = new KillSwitches({ clock: systemClock, log });
  const killFile = new KillFile({ path: config.killFile, standing, clock: systemClock, log });
  killOnSignal(killFile, log);
  const interrupt = new AbortController();
  // All the rest is loaded here: help and a mistake in the configuration are told at once, and signals are heard meanwhile.
  const starting = import('./compose.ts').then(({ startEngine }) =>
    startEngine({ config, log, killFile, reach, onFatal, interrupt: interrupt.signal }),
  );
  endInOrder(starting, interrupt, log, embedded !== null);
  const engine = await starting.catch((error: unknown) => endStart(log, error));
  const hindrance = engine.hindrance();
  // Written at once, so that a program that waits for the first line has the others, too.
  say(
    [
      `Evenkeel is ready: ${engine.adminUrl} (process ${process.pid})`,
      engine.tokenPath === null
        ? 'The API token was written when this installation was first started, in the data folder of that engine.'
        : `The API token lies in ${engine.tokenPath}`,
      `Metrics: ${engine.metricsUrl}/metrics`,
      ...(hindrance === null ? [] : [`No bot starts: ${hindrance}`]),
      ...(embedded === null ? [] : [`Logs: ${embedded.logPath}`]),
    ].join('\n'),
  );
}

/** Null when not everything is embedded. */
function prepareFolderOrExit(config: Config): Embedded | null {
  try {
    makeDataFolder(config.dataDir);
    return config.databaseUrl === null ? prepareEmbedded(config) : null;
  } catch (error) {
    if (!(error instanceof DataFolderUnusable)) throw error;
    complain(`Evenkeel could not start: ${error.message}`);
    process.exit(exitCodes.configuration);
  }
}

function endStart(log: Log, error: unknown): never {
  if (error instanceof Interrupted) process.exit(0);
  log.fatal({ err: error }, 'the engine could not start');
  complain(`Evenkeel could not start: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(exitCodes.dependency);
}

/** Errors that nobody caught: shared code is broken, so the process ends, and its service manager starts it again. */
function crashOnStrayErrors(log: Log): void {
  const crash = (error: unknown): void => {
    log.fatal({ err: error }, 'an error that nobody handles; the process ends and recovers at its next start');
    complain(`Evenkeel crashed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    process.exit(exitCodes.failure);
  };
  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);
}

/** SIGUSR2 stops all entries of this engine until the kill file is removed; nothing but the disk is needed. (SIGUSR1 is Node's own.) */
function killOnSignal(killFile: KillFile, log: Log): void {
  process.on('SIGUSR2', () => {
    log.warn({ path: killFile.path }, 'SIGUSR2: nothing is entered any more until the kill file is removed');
    try {
      killFile.add({
        id: 'sigusr2',
        scope: 'engine',
        subject: '',
        policy: 'leave',
        reason: 'SIGUSR2',
        expiresAtMs: null,
        request: null,
      });
    } catch (error) {
      log.error({ err: error, path: killFile.path }, 'the kill file cannot be written: the kill switch holds until this process ends');
    }
  });
}

/** A signal that comes while the engine starts ends its waiting; what was started by then is stopped in order. */
function endInOrder(starting: Promise<RunningEngine>, interrupt: AbortController, log: Log, embedded: boolean): void {
  let ending = false;
  const end = (signal: NodeJS.Signals): void => {
    if (ending) {
      complain('A second signal: ending at once.');
      process.exit(130);
    }
    ending = true;
    log.info({ signal }, 'stopping: no new entries, what is in flight is settled or left to the next owner');
    interrupt.abort(new Interrupted());
    starting.then(
      (engine) =>
        engine.stop().then(
          (left) => {
            const { fields, text } = left === null ? { fields: {}, text: 'stopped' } : lastLine(left);
            log.info(fields, text);
            if (embedded) say(`Evenkeel has ${text}`);
            process.exit(0);
          },
          (error: unknown) => {
            log.error({ err: error }, 'the engine did not stop in order');
            process.exit(exitCodes.failure);
          },
        ),
      (error: unknown) => endStart(log, error),
    );
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
}

await main();
